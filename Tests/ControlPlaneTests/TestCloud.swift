import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// The local cloud with simulated instances, a real registry, and the service in front of both.
struct TestCloud: Sendable {
    let service: TestService
    let registry: TestRegistry
    /// Of the service, for other commands of the program.
    let environment: [String: String]
    private let awsURL: String

    static func run(
        _ overrides: [String: String] = [:], access: TestRegistry.Access = .open, options: [String] = [],
        _ body: @Sendable @escaping (TestCloud) async throws -> Void
    ) async throws {
        let address = "127.0.0.1:\(try freePort())"
        let cloud = try await SimulatedCloud(controlPlane: address, access: access, options: options)
        let environment = cloud.environment.merging([
            "CP_LISTEN": address, "CP_POLL_SECONDS": "1", "PROVIDER_VISIBILITY_SECONDS": "1",
        ]) { $1 }.merging(overrides) { $1 }
        do {
            try await TestService.run(environment) { service in
                try await body(
                    TestCloud(
                        service: service, registry: cloud.registry,
                        environment: try ExampleEnvironment.make(environment).merging([
                            "DATABASE_URL": service.platform.configuration.databaseURL
                        ]) { $1 }, awsURL: cloud.awsURL))
            }
        } catch {
            await cloud.stop()
            throw error
        }
        await cloud.stop()
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

    /// Something done behind the platform's back, or asked of the local cloud itself.
    @discardableResult
    func operate(_ method: String, _ path: String, _ json: String = "") async throws -> [String: JSONValue] {
        let answer = try await service.platform.http.send(
            HTTPRequest(method, awsURL + "/_localcloud/" + path, body: Array(json.utf8)))
        #expect((200..<300).contains(answer.status), "\(path) answered \(answer.status)")
        guard !answer.body.isEmpty else { return [:] }
        return try JSONDecoder().decode([String: JSONValue].self, from: Data(answer.body))
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
