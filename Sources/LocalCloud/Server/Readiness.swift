import Glibc
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Collects the listeners' ports and writes the ready file once all of them listen.
final class Readiness: Sendable {
    private static let listeners: Set<String> = [
        "aws", "cloudflare", "edge", "front", "tunnel", "metadata", "artifacts", "oidc",
        "stripe",
    ]

    private struct State {
        var ports: [String: Int] = [:]
        var absent: Set<String> = []
    }

    private let settings: Settings
    private let state = Mutex(State())

    init(_ settings: Settings) { self.settings = settings }

    /// A listener that this cloud does not have.
    func absent(_ name: String) { state.withLock { _ = $0.absent.insert(name) } }

    func listening(_ name: String, _ port: Int) {
        let complete: [String: Int]? = state.withLock { state in
            state.ports[name] = port
            return state.ports.count + state.absent.count == Self.listeners.count ? state.ports : nil
        }
        settings.logger.info("listening", metadata: ["service": "\(name)", "port": "\(port)"])
        guard let complete else { return }
        settings.logger.info("ready")
        guard let path = settings.readyFile else { return }
        let written = FileManager.default.createFile(atPath: path + ".new", contents: Data(text(complete)))
        if !written || rename(path + ".new", path) != 0 {
            settings.logger.error("cannot write the ready file", metadata: ["path": "\(path)"])
        }
    }

    /// Every URL and id that a client of this cloud needs; no secret.
    private func text(_ ports: [String: Int]) -> [UInt8] {
        let (loopback, bridge) = (settings.loopback, settings.bridgeAddress)
        func port(_ name: String) -> String { String(ports[name] ?? 0) }
        let place = settings.cloudflare.places[0]
        let network = VirtualNetwork(region: settings.region, block: settings.subnet.text)
        var members: [String: JSONValue] = [
            "ports": .object(ports.mapValues { .integer($0) }),
            "aws_endpoint_url": .string("http://\(loopback):\(port("aws"))"),
            "cloudflare_api_url": .string("http://\(loopback):\(port("cloudflare"))/client/v4"),
            "edge_url": .string("https://{slug}.\(place.domain):\(port("edge"))"),
            "metadata_url": .string("http://\(bridge):\(port("metadata"))"),
            "oidc_issuer": .string("http://\(loopback):\(port("oidc"))"),
            "stripe_api_url": .string("http://\(loopback):\(port("stripe"))"),
            "artifacts_url": .string("http://\(bridge):\(port("artifacts"))"),
            "ca_file": .string(settings.folder + "/ca.pem"),
            "identity_cert_file": .string(settings.folder + "/identity-cert.pem"),
            "region": .string(settings.region),
            "subnet_id": .string(network.subnets[0].id),
            "security_group_id": .string(VirtualNetwork.defaultGroupID),
            "cloudflare_account_id": .string(place.accountID),
            "cloudflare_zone_id": .string(place.zoneID),
            "cloudflare_places": JSONValue(parsing: JSONValue.encode(settings.cloudflare.places)) ?? [],
        ]
        if ports["front"] != nil { members["front_url"] = .string("https://\(bridge):\(port("front"))") }
        return JSONValue.object(members).bytes
    }
}
