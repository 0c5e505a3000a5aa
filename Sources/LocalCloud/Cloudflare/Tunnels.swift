import Digests

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A named tunnel and what its connectors are told to do.
struct Tunnel: Sendable {
    struct IngressRule: Sendable {
        var hostname: String?
        var service: String
    }

    let id: String
    let name: String
    /// Base64 of at least 32 bytes; what a connector proves that it knows.
    let secret: String
    let createdAt: Date
    let visibleAt: ContinuousClock.Instant
    var deletedAt: Date?
    var ingress: [IngressRule] = []
    var configuration: JSONValue?
    var configurationVersion = 0
}

/// The account's tunnels. Source: API v4, "Cloudflare Tunnel".
actor Tunnels {
    private let accountID: String
    private let maximum: Int
    private let connectors: Connectors
    /// Where connectors dial in; known once that listener runs.
    private var edgeAddress = ""
    private var tunnels: [String: Tunnel] = [:]
    private var order: [String] = []

    init(accountID: String, maximum: Int, connectors: Connectors) {
        self.accountID = accountID
        self.maximum = maximum
        self.connectors = connectors
    }

    func setEdgeAddress(_ address: String) { edgeAddress = address }

    var living: [Tunnel] { order.compactMap { tunnels[$0] }.filter { $0.deletedAt == nil } }

    /// Whether the secret is the tunnel's; false for a deleted tunnel.
    func admits(_ id: String, secret: String) -> Bool {
        guard let tunnel = tunnels[id], tunnel.deletedAt == nil else { return false }
        return tunnel.secret == secret
    }

    /// The service that the tunnel's configuration names for a hostname.
    func service(of id: String, for hostname: String) -> String? {
        guard let tunnel = tunnels[id], tunnel.deletedAt == nil else { return nil }
        return tunnel.ingress.first { $0.hostname == nil || Self.matches(hostname, $0.hostname ?? "") }?
            .service
    }

    private static func matches(_ hostname: String, _ pattern: String) -> Bool {
        pattern.hasPrefix("*.") ? hostname.hasSuffix(pattern.dropFirst(1)) : hostname == pattern
    }

    func create(_ body: JSONValue) throws -> JSONValue {
        guard let name = body["name"]?.string, !name.isEmpty else {
            throw CloudflareError(1012, "Tunnel name is required", status: 400)
        }
        guard !living.contains(where: { $0.name == name }) else {
            throw CloudflareError(
                1013,
                "You already have a tunnel with this name. "
                    + "Delete the existing tunnel, or choose a different name for your new tunnel",
                status: 409)
        }
        guard living.count < maximum else {
            throw CloudflareError(1030, "Tunnel limit reached for this account", status: 400)
        }
        let secret = body["tunnel_secret"]?.string ?? RandomSecret.base64(bytes: 32)
        guard let bytes = Data(base64Encoded: secret), bytes.count >= 32 else {
            throw CloudflareError(
                1004, "Tunnel secret must be at least 32 bytes, base64-encoded", status: 400)
        }
        let tunnel = Tunnel(
            id: ResourceID.uuid(), name: name, secret: secret, createdAt: Date(),
            visibleAt: Visibility.instant())
        tunnels[tunnel.id] = tunnel
        order.append(tunnel.id)
        return describe(tunnel)
    }

    func list(_ call: HTTPCall) throws -> [JSONValue] {
        let name = call.queryItem("name")
        let deleted = call.queryItem("is_deleted").map { $0 == "true" }
        let prefix = call.queryItem("include_prefix")
        return order.compactMap { tunnels[$0] }.filter { tunnel in
            tunnel.visibleAt.isPast && (name == nil || tunnel.name == name)
                && (deleted == nil || deleted == (tunnel.deletedAt != nil))
                && (prefix == nil || tunnel.name.hasPrefix(prefix ?? ""))
        }.map(describe)
    }

    func show(_ id: String) throws -> JSONValue {
        let tunnel = try find(id)
        guard tunnel.visibleAt.isPast else { throw Self.notFound }
        return describe(tunnel)
    }

    func token(_ id: String) throws -> String {
        let tunnel = try living(id)
        let token: JSONValue = [
            "a": .string(accountID), "t": .string(tunnel.id), "s": .string(tunnel.secret),
            "e": .string(edgeAddress),
        ]
        return Data(token.bytes).base64EncodedString()
    }

    func configuration(_ id: String) throws -> JSONValue { describeConfiguration(try living(id)) }

    func configure(_ id: String, _ body: JSONValue) throws -> JSONValue {
        var tunnel = try living(id)
        guard let configuration = body["config"], configuration.object != nil else {
            throw CloudflareError(1004, "config is required", status: 400)
        }
        tunnel.ingress = try Self.ingress(configuration["ingress"])
        tunnel.configuration = configuration
        tunnel.configurationVersion += 1
        tunnels[id] = tunnel
        return describeConfiguration(tunnel)
    }

    /// The last rule must match everything. Source: Cloudflare Tunnel, "Ingress rules".
    private static func ingress(_ value: JSONValue?) throws -> [Tunnel.IngressRule] {
        guard let rules = value?.array else { return [] }
        let parsed = try rules.map { rule in
            guard let service = rule["service"]?.string, !service.isEmpty else {
                throw CloudflareError(1056, "Bad Configuration: an ingress rule has no service", status: 400)
            }
            let hostname = rule["hostname"]?.string
            return Tunnel.IngressRule(hostname: hostname?.isEmpty == true ? nil : hostname, service: service)
        }
        guard parsed.last?.hostname == nil else {
            throw CloudflareError(
                1056, "Bad Configuration: The last ingress rule must match all URLs", status: 400)
        }
        return parsed
    }

    func connections(_ id: String) throws -> JSONValue {
        let tunnel = try living(id)
        return .array(connectors.of(tunnel.id).map(\.description))
    }

    func disconnect(_ id: String) throws -> JSONValue {
        connectors.disconnect(try living(id).id)
        return nil
    }

    func delete(_ id: String, cascade: Bool) throws -> JSONValue {
        var tunnel = try living(id)
        if !connectors.of(id).isEmpty {
            guard cascade else {
                throw CloudflareError(
                    1022, "Cannot delete tunnel because it has active connections", status: 400)
            }
        }
        tunnel.deletedAt = Date()
        tunnels[id] = tunnel
        connectors.disconnect(id)
        return describe(tunnel)
    }

    private static let notFound = CloudflareError(1003, "Tunnel not found", status: 404)

    private func find(_ id: String) throws -> Tunnel {
        guard let tunnel = tunnels[id] else { throw Self.notFound }
        return tunnel
    }

    private func living(_ id: String) throws -> Tunnel {
        let tunnel = try find(id)
        guard tunnel.deletedAt == nil else { throw Self.notFound }
        return tunnel
    }

    private func describe(_ tunnel: Tunnel) -> JSONValue {
        let up = connectors.of(tunnel.id)
        let change = connectors.lastChange(tunnel.id)
        let since: JSONValue = change.map { .string(Timestamp.text($0)) } ?? nil
        return [
            "id": .string(tunnel.id), "account_tag": .string(accountID), "name": .string(tunnel.name),
            "created_at": .string(Timestamp.text(tunnel.createdAt)),
            "deleted_at": tunnel.deletedAt.map { .string(Timestamp.text($0)) } ?? nil,
            "status": !up.isEmpty ? "healthy" : change == nil ? "inactive" : "down",
            "conns_active_at": up.isEmpty ? nil : since, "conns_inactive_at": up.isEmpty ? since : nil,
            "tun_type": "cfd_tunnel", "remote_config": true,
            "config_src": "cloudflare",
            "connections": .array(up.flatMap(\.connectionDescriptions)),
        ]
    }

    private func describeConfiguration(_ tunnel: Tunnel) -> JSONValue {
        [
            "tunnel_id": .string(tunnel.id), "account_id": .string(accountID),
            "version": .integer(tunnel.configurationVersion), "source": "cloudflare",
            "config": tunnel.configuration ?? nil,
            "created_at": .string(Timestamp.text(tunnel.createdAt)),
        ]
    }
}
