import CurlHTTP
import FoundationEssentials
import WireText

/// Tunnels and DNS records of one account and zone. Source: Cloudflare API v4.
package struct CloudflareClient: Sendable {
    /// Base, with `/client/v4`.
    package let url: String
    package let apiToken: String
    package let accountID: String
    package let zoneID: String
    package let http: any HTTPTransport
    /// nil: nobody else calls, as in a tool without a database.
    package var gate: (any CallGate)?
    /// Tells the API tokens apart: Cloudflare limits each by itself.
    var tokenNumber = 1

    package init(
        url: String, apiToken: String, accountID: String, zoneID: String, http: any HTTPTransport,
        gate: (any CallGate)? = nil, tokenNumber: Int = 1
    ) {
        self.url = url
        self.apiToken = apiToken
        self.accountID = accountID
        self.zoneID = zoneID
        self.http = http
        self.gate = gate
        self.tokenNumber = tokenNumber
    }

    /// Most records or tunnels that one look-up reads; names are exact, so a handful is the rule.
    package static let pageSize = 100

    // MARK: Tunnels

    private struct TunnelCreation: Encodable {
        var name: String
        var configSource = "cloudflare"
        var tunnelSecret: String

        private enum CodingKeys: String, CodingKey {
            case name
            case configSource = "config_src"
            case tunnelSecret = "tunnel_secret"
        }
    }

    /// - Parameter secret: base64 of 32 bytes.
    package func createTunnel(name: String, secret: String) async throws -> Tunnel {
        try await call(
            "createTunnel", "POST", tunnels, TunnelCreation(name: name, tunnelSecret: secret), as: Tunnel.self
        )
    }

    /// The living tunnel of exactly that name.
    package func findTunnel(name: String) async throws -> Tunnel? {
        let path = "\(tunnels)?name=\(escaped(name))&is_deleted=false&per_page=\(Self.pageSize)"
        return try await call("findTunnel", "GET", path, as: [Tunnel].self).first { $0.name == name }
    }

    /// What a connector presents. A secret.
    package func tunnelToken(id: String) async throws -> String {
        try await call("tunnelToken", "GET", "\(tunnels)/\(id)/token", as: String.self)
    }

    private struct Ingress: Encodable {
        struct Rule: Encodable {
            var hostname: String?
            var service: String
        }
        struct Content: Encodable { var ingress: [Rule] }
        var config: Content
    }

    /// Sends one hostname to one service on the connector's side, and answers 404 to every other.
    package func putTunnelConfiguration(id: String, hostname: String, service: String) async throws {
        let rules = [
            Ingress.Rule(hostname: hostname, service: service), Ingress.Rule(service: "http_status:404"),
        ]
        _ = try await call(
            "putTunnelConfiguration", "PUT", "\(tunnels)/\(id)/configurations",
            Ingress(config: .init(ingress: rules)), as: Ignored?.self)
    }

    /// Ends a tunnel's connections, so that it can be deleted.
    package func deleteTunnelConnections(id: String) async throws {
        try await ignoringNotFound {
            _ = try await call(
                "deleteTunnelConnections", "DELETE", "\(tunnels)/\(id)/connections", as: Ignored?.self)
        }
    }

    /// Deleting what is gone already is a success.
    package func deleteTunnel(id: String) async throws {
        try await ignoringNotFound {
            _ = try await call("deleteTunnel", "DELETE", "\(tunnels)/\(id)", as: Ignored?.self)
        }
    }

    // MARK: DNS records

    private struct RecordCreation: Encodable {
        var type: String
        var name: String
        var content: String
        var proxied: Bool
        /// 1: automatic, the only value for a proxied record.
        var ttl = 1
        var comment: String
    }

    package func createDNSRecord(
        type: String, name: String, content: String, proxied: Bool, comment: String
    ) async throws -> DNSRecord {
        let record = RecordCreation(
            type: type, name: name, content: content, proxied: proxied, comment: comment)
        return try await call("createDNSRecord", "POST", records, record, as: DNSRecord.self)
    }

    /// The records of exactly that name.
    package func findDNSRecords(name: String) async throws -> [DNSRecord] {
        let path = "\(records)?name=\(escaped(name))&per_page=\(Self.pageSize)"
        return try await call("findDNSRecords", "GET", path, as: [DNSRecord].self).filter { $0.name == name }
    }

    /// Deleting what is gone already is a success.
    package func deleteDNSRecord(id: String) async throws {
        try await ignoringNotFound {
            _ = try await call("deleteDNSRecord", "DELETE", "\(records)/\(id)", as: Ignored?.self)
        }
    }

    package var tunnels: String { "/accounts/\(accountID)/cfd_tunnel" }
    package var records: String { "/zones/\(zoneID)/dns_records" }

    func escaped(_ text: String) -> String {
        FormText.encode(text)
    }

    private func ignoringNotFound(_ call: () async throws -> Void) async throws {
        do {
            try await call()
        } catch let error as ProviderError where error.status == 404 {
            return
        }
    }
}

package struct Tunnel: Decodable, Sendable {
    package var id: String
    package var name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

package struct DNSRecord: Decodable, Sendable {
    package var id: String
    package var name: String
    package var content: String
    package var comment: String?
}

extension ProviderError {
    /// The account has a tunnel of this name. Source: Cloudflare API, cfd_tunnel.
    package var isTunnelNameTaken: Bool { service == "cloudflare" && code == "1013" }

    /// The zone has a record that excludes this one. Source: Cloudflare API, DNS records.
    package var isRecordTaken: Bool {
        service == "cloudflare" && ["81053", "81054", "81057", "81058"].contains(code)
    }

    /// The account or zone is full.
    package var isQuota: Bool { code == "81045" || code == "1014" || code == "VcpuLimitExceeded" }
}

/// A result of which nothing but its success matters.
struct Ignored: Decodable {
    init(from decoder: any Decoder) throws {}
}
