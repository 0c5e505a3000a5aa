import Foundation
import Testing

@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// Several tenants of a `TestCloud`, and a rollout over them.
extension TestCloud {
    func signUp(_ slugs: [String]) async throws {
        for slug in slugs { try await signUp(slug) }
        for slug in slugs { try await self.await(slug, "running") }
    }

    func push(_ tag: String) async throws -> String {
        try await registry.push("molecule-tenant", tag: tag, service.platform.http)
    }

    /// - Parameter agent: `offline` or `online`, of the instance's SSM agent.
    func setAgent(of slug: String, _ agent: String) async throws {
        try await operate("PUT", "instances/\(try await instance(of: slug))", #"{"agent":"\#(agent)"}"#)
    }

    func instance(of slug: String) async throws -> String {
        let rows = try await service.platform.database.query(
            "SELECT instance_id FROM tenants JOIN orgs ON orgs.id = org_id WHERE slug = \(slug)")
        return try #require(try rows.first?["instance_id", as: String?.self])
    }

    /// What runs on the instances, not what rows say: by slug.
    func runningDigests() async throws -> [String: String] {
        let instances = try await state()["instances"]?.array?.compactMap(\.object) ?? []
        return instances.reduce(into: [:]) { found, instance in
            guard let slug = instance["tags"]?.object?["molecule:org-slug"]?.string,
                let image = instance["images"]?.object?["tenant"]?.string
            else { return }
            found[slug] = image.split(separator: "@").last.map(String.init)
        }
    }

    /// How many redeploy commands each instance was sent, by slug.
    func commands(on slug: String) async throws -> Int {
        let id = try await instance(of: slug)
        return try await state()["commands"]?.array?.filter {
            $0.object?["instance_id"]?.string == id
        }.count ?? 0
    }

    // MARK: Rollouts

    func order(_ body: String) async throws -> TestService.Answer {
        try await service.send("POST", "/cp/admin/rollouts", body: body)
    }

    /// - Returns: its id.
    func begin(_ body: String) async throws -> String {
        let answer = try await order(body)
        #expect(answer.status == 202, "\(answer.json)")
        return try #require(answer.json["id"]?.string)
    }

    func rollout(_ id: String) async throws -> [String: JSONValue] {
        try await service.send("GET", "/cp/admin/rollouts/\(id)").json
    }

    @discardableResult
    func tell(_ id: String, _ action: String) async throws -> TestService.Answer {
        try await service.send("POST", "/cp/admin/rollouts/\(id)/\(action)")
    }

    /// Waits until the rollout's state or stage is one of these.
    @discardableResult
    func await(rollout id: String, _ wanted: String...) async throws -> [String: JSONValue] {
        var last: [String: JSONValue] = [:]
        for _ in 0..<900 {
            last = try await rollout(id)
            let now = [last["state"]?.string ?? "", last["stage"]?.string ?? ""]
            if !Set(now).isDisjoint(with: wanted) { return last }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the rollout never became \(wanted): \(last)")
        return last
    }

    /// Of each tenant, by slug: its phase, and its error's code where it has one.
    func phases(_ id: String) async throws -> [String: String] {
        let answer = try await service.send("GET", "/cp/admin/rollouts/\(id)/tenants")
        let tenants = answer.json["tenants"]?.array?.compactMap(\.object) ?? []
        return tenants.reduce(into: [:]) { found, tenant in
            found[tenant["slug"]?.string ?? ""] = tenant["phase"]?.string
        }
    }

    func tenant(_ slug: String, of id: String) async throws -> [String: JSONValue] {
        let answer = try await service.send("GET", "/cp/admin/rollouts/\(id)/tenants")
        let tenants = answer.json["tenants"]?.array?.compactMap(\.object) ?? []
        return tenants.first { $0["slug"]?.string == slug } ?? [:]
    }
}
