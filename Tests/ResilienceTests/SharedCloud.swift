import CurlHTTP
import Foundation
import TestSupport

/// One local cloud for all scenes of the test process, whose simulated instances boot in a moment.
final class SharedCloud: Sendable {
    static let shared = Task { try await SharedCloud() }

    let environment: [String: String]
    let http: HTTPClient
    /// Digests of the image that tenants are launched with, and of the one that redeploys go to.
    let firstDigest: String
    let secondDigest: String
    private let cloud: SimulatedCloud

    private init() async throws {
        cloud = try await SimulatedCloud(options: [
            "--maximum-records", "100000", "--maximum-tunnels", "100000",
        ])
        environment = cloud.environment
        var configuration = HTTPClient.Configuration.environment
        configuration.extraCA = try String(
            contentsOfFile: cloud.environment["CP_CA_FILE"] ?? "", encoding: .utf8)
        http = HTTPClient(configuration: configuration)
        firstDigest = try await cloud.registry.push("molecule-tenant", tag: "v1", http)
        secondDigest = try await cloud.registry.push("molecule-tenant", tag: "v2", http)
        try await operate("PUT", "simulation", #"{"stage_ms":5,"boot_ms":5}"#)
    }

    /// What the cloud holds of one tenant.
    func holdings(org: String, slug: String) async throws -> Holdings {
        // A whole matrix leaves thousands of instances, tunnels and records there.
        let request = HTTPRequest("GET", cloud.awsURL + "/_localcloud/state?tag=\(org)&name=\(slug)")
        let answer = try await http.send(request)
        let all = try JSONDecoder().decode(Holdings.self, from: Data(answer.body))
        return Holdings(
            instances: all.instances,
            tunnels: all.tunnels.filter { $0.name.contains(slug) },
            records: all.records.filter { $0.name.hasPrefix(slug + ".") },
            snapshots: all.snapshots)
    }

    /// Something done behind the platform's back.
    func operate(_ method: String, _ path: String, _ json: String = "") async throws {
        let url = "\(cloud.awsURL)/_localcloud/\(path)"
        let answer = try await http.send(HTTPRequest(method, url, body: Array(json.utf8)))
        guard [200, 204].contains(answer.status) else {
            throw TestSupportError("\(path) answered \(answer.status)")
        }
    }

    func isHealthy(_ slug: String) async -> Bool {
        let url = (environment["EDGE_URL"] ?? "").replacing("{slug}", with: slug) + "/health"
        return (try? await http.send(HTTPRequest("GET", url)))?.status == 200
    }
}

struct Holdings: Decodable, Sendable {
    struct Tagged: Decodable, Sendable {
        var id: String
        var state: String
        /// Of an instance.
        var type: String?
        var tags: [String: String]
        /// By service, of those that live.
        var images: [String: String]?
    }
    struct Named: Decodable, Sendable {
        var id: String
        var name: String
    }

    /// Every one that was ever created.
    var instances: [Tagged]
    var tunnels: [Named]
    var records: [Named]
    var snapshots: [Tagged]

    var living: [Tagged] { instances.filter { $0.state != "terminated" } }
}
