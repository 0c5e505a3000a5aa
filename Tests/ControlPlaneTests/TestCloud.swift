import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import ControlPlane

func sha256(_ text: String) -> String { TokenHash(of: text).bytes.hex }

/// The local cloud with simulated instances, a real registry, and the service in front of both.
struct TestCloud: Sendable {
    let service: TestService
    let registry: TestRegistry
    private let awsURL: String

    static func run(
        _ overrides: [String: String] = [:], options: [String] = [],
        _ body: @Sendable @escaping (TestCloud) async throws -> Void
    ) async throws {
        let folder = try makeTemporaryFolder("cloud")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let registry = try await TestRegistry()
        let port = try freePort()
        let credentials = try ExampleEnvironment.make()
        let process = try ChildProcess(
            builtProduct("localcloud"),
            [
                "serve", "--driver", "simulated", "--port-base", "0", "--folder", folder, "--name",
                "test-\(port)",
                "--control-plane", "127.0.0.1:\(port)", "--ready-file", "\(folder)/ready.json",
            ] + options,
            environment: credentials.filter { $0.key.hasPrefix("AWS_") || $0.key.hasPrefix("CLOUDFLARE_") }
                .merging(["TENANT_DOMAIN": "localhost", "LOG_LEVEL": "error"]) { $1 })
        do {
            try await eventually("the local cloud") {
                FileManager.default.fileExists(atPath: "\(folder)/ready.json")
            }
            let ready = try Ready(path: "\(folder)/ready.json")
            let environment = ready.environment.merging([
                "CP_LISTEN": "127.0.0.1:\(port)", "REGISTRY_URL": registry.url, "CP_POLL_SECONDS": "1",
                "PROVIDER_VISIBILITY_SECONDS": "1",
            ]) { $1 }.merging(overrides) { $1 }
            try await TestService.run(environment) { service in
                try await body(TestCloud(service: service, registry: registry, awsURL: ready.awsEndpointURL))
            }
        } catch {
            await end(process, registry)
            throw error
        }
        await end(process, registry)
    }

    private static func end(_ process: ChildProcess, _ registry: TestRegistry) async {
        await process.stop()
        await registry.remove()
    }

    private struct Ready: Decodable {
        var awsEndpointURL: String
        var cloudflareAPIURL: String
        var edgeURL: String
        var frontURL: String
        var caFile: String
        var identityCertFile: String
        var subnetID: String
        var securityGroupID: String
        var accountID: String
        var zoneID: String

        init(path: String) throws {
            self = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        }

        enum CodingKeys: String, CodingKey {
            case awsEndpointURL = "aws_endpoint_url"
            case cloudflareAPIURL = "cloudflare_api_url"
            case edgeURL = "edge_url"
            case frontURL = "front_url"
            case caFile = "ca_file"
            case identityCertFile = "identity_cert_file"
            case subnetID = "subnet_id"
            case securityGroupID = "security_group_id"
            case accountID = "cloudflare_account_id"
            case zoneID = "cloudflare_zone_id"
        }

        var environment: [String: String] {
            [
                "AWS_ENDPOINT_URL": awsEndpointURL, "CLOUDFLARE_API_URL": cloudflareAPIURL,
                "EDGE_URL": edgeURL,
                "CP_PUBLIC_URL": frontURL, "CP_CA_FILE": caFile, "EC2_IDENTITY_CERT_FILE": identityCertFile,
                "EC2_SUBNET_ID": subnetID, "EC2_SECURITY_GROUP_ID": securityGroupID,
                "TENANT_DOMAIN": "localhost",
                "CLOUDFLARE_ACCOUNT_ID": accountID, "CLOUDFLARE_ZONE_ID": zoneID,
            ]
        }
    }

    // MARK: What stands in the cloud

    func state() async throws -> [String: JSONValue] {
        let answer = try await service.platform.http.send(HTTPRequest("GET", awsURL + "/_localcloud/state"))
        return try JSONDecoder().decode([String: JSONValue].self, from: Data(answer.body))
    }

    /// Instances that are not terminated, tunnels, DNS records.
    func living() async throws -> (instances: Int, tunnels: Int, records: Int) {
        let state = try await state()
        let instances =
            state["instances"]?.array?.filter { $0.object?["state"]?.string != "terminated" } ?? []
        return (instances.count, state["tunnels"]?.array?.count ?? 0, state["records"]?.array?.count ?? 0)
    }

    func simulate(_ json: String) async throws {
        let answer = try await service.platform.http.send(
            HTTPRequest("PUT", awsURL + "/_localcloud/simulation", body: Array(json.utf8)))
        #expect(answer.status == 204)
    }

    // MARK: What an operator does

    func signUp(_ slug: String) async throws {
        let body = #"{"slug":"\#(slug)","name":"\#(slug)","owner_user_id":"user-1"}"#
        let answer = try await service.send("POST", "/cp/admin/orgs", body: body)
        #expect(answer.status == 201, "\(answer.json)")
    }

    /// Waits until the organisation has one of the statuses.
    @discardableResult
    func await(_ slug: String, _ statuses: String...) async throws -> [String: JSONValue] {
        var last: [String: JSONValue] = [:]
        for _ in 0..<600 {
            last = try await service.send("GET", "/cp/admin/orgs/\(slug)/provision-status").json
            if let status = last["status"]?.string, statuses.contains(status) { return last }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("\(slug) never became \(statuses): \(last)")
        return last
    }
}
