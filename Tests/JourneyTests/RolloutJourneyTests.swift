import Foundation
import TestSupport
import Testing

extension JourneyTests {
    /// Five real instances: a bad image that stops at the canary, a good one whose control plane is killed in
    /// every phase, and one that only visitors in the second wave find out about.
    @Test(.timeLimit(.minutes(20)))
    func aFleetIsRolledOutStoppedAndUndone() async throws {
        let mark = UInt16.random(in: 1000...9999)
        let slugs = ["canary", "alpha", "bravo", "charlie", "delta"].map { "\($0)-\(mark)" }
        let before = try await stack.traces()
        let fleet = try await Fleet.create(slugs, on: stack)
        try await expectBadImageToStopAtTheCanary(fleet)
        try await expectRolloutToSurviveKills(fleet)
        try await expectFaultyImageToBeUndone(fleet)
        try await fleet.delete()
        #expect(try await stack.traces() == before)
    }

    private func expectBadImageToStopAtTheCanary(_ fleet: Fleet) async throws {
        let id = try await fleet.begin(#"{"target_tag":"broken","soak_seconds":0,\#(fleet.canary)}"#)
        let end = try await fleet.awaitEnd(of: id)
        #expect(end["state"] == "rolled_back", "\(end.json)")
        let phases = try await fleet.phases(of: id)
        #expect(phases.map(\.phase) == ["rolled_back"] + Array(repeating: "untouched", count: 4))
        #expect(try await fleet.digests() == Array(repeating: stack["DIGEST_TENANT_V1"], count: 5))
    }

    /// SIGKILL while the canary is redeployed, soaks and is judged, and in both waves behind it.
    private func expectRolloutToSurviveKills(_ fleet: Fleet) async throws {
        let id = try await fleet.begin(
            #"{"target_tag":"v2","soak_seconds":4,"waves":[50,100],"drain_seconds":2,\#(fleet.canary)}"#)
        var killedIn: Set<String> = []
        try await eventually("the rollout to end", within: .seconds(300)) {
            let now = try await fleet.show(id)
            if now["finished_at"] != nil { return true }
            let phase = "\(now["stage"] ?? "-") \(now.json["wave"] ?? "-")"
            guard killedIn.insert(phase).inserted else { return false }
            try await stack.script("control-plane", "kill")
            try await stack.script("control-plane", "start")
            return false
        }
        #expect(killedIn.isSuperset(of: ["redeploying 0", "soaking 0", "redeploying 1", "redeploying 2"]))
        let end = try await fleet.show(id)
        #expect(end["state"] == "succeeded", "\(end.json)")
        #expect(try await fleet.digests() == Array(repeating: stack["DIGEST_TENANT_V2"], count: 5))
        for slug in fleet.slugs { #expect(try await fleet.redeploys(of: slug, in: id) == ["updated"]) }
    }

    /// Its containers are healthy; only who is visited sees that every third answer is an error.
    private func expectFaultyImageToBeUndone(_ fleet: Fleet) async throws {
        let visits = Task { try await fleet.visit(fleet.slugs[4]) }
        defer { visits.cancel() }
        let id = try await fleet.begin(
            """
            {"target_tag":"faulty","soak_seconds":2,"wave_soak_seconds":8,"waves":[50,100],"drain_seconds":2,\
            "rollback":"all",\(fleet.canary)}
            """)
        let end = try await fleet.awaitEnd(of: id)
        #expect(end["state"] == "rolled_back", "\(end.json)")
        let phases = try await fleet.phases(of: id)
        #expect(phases.allSatisfy { $0.phase == "rolled_back" }, "\(phases)")
        #expect(try await fleet.digests() == Array(repeating: stack["DIGEST_TENANT_V2"], count: 5))
        #expect(try await fleet.events(of: id).contains("unhealthy"))
    }
}

/// Several tenants of the stack, and a rollout over them. The first is the canary.
struct Fleet: Sendable {
    let stack: LocalStack
    let slugs: [String]
    /// In the order of `slugs`.
    let orgs: [String]

    static func create(_ slugs: [String], on stack: LocalStack) async throws -> Fleet {
        var orgs: [String] = []
        for slug in slugs { orgs.append(try await stack.create(slug)) }
        for slug in slugs { try await stack.awaitRunning(slug) }
        return Fleet(stack: stack, slugs: slugs, orgs: orgs)
    }

    func delete() async throws {
        for slug in slugs { try await stack.delete(slug) }
    }

    /// Members of an order: this fleet, one tenant a batch, all batches of a wave at once.
    var canary: String {
        let list = slugs.map { "\"\($0)\"" }.joined(separator: ",")
        return #""slugs":[\#(list)],"canary_slugs":["\#(slugs[0])"],"batch_size":1,"concurrency":5"#
    }

    func begin(_ order: String) async throws -> String {
        let answer = try await stack.platform("POST", "/cp/admin/rollouts", json: order)
        guard answer.status == 202, let id = answer["id"] else {
            throw JourneyError("the rollout was answered \(answer.status) \(answer.json)")
        }
        return id
    }

    /// While the control plane is being started again, there is no answer: asked once more.
    func show(_ id: String) async throws -> Answer {
        try await stack.patiently("GET", "/cp/admin/rollouts/\(id)")
    }

    func awaitEnd(of id: String) async throws -> Answer {
        try await eventually("the rollout to end", within: .seconds(300)) {
            let now = try await show(id)
            guard now["state"] != "paused" else { throw JourneyError("it is paused: \(now.json)") }
            return now["finished_at"] != nil
        }
        return try await show(id)
    }

    func phases(of id: String) async throws -> [(slug: String, phase: String)] {
        let answer = try await stack.platform("GET", "/cp/admin/rollouts/\(id)/tenants")
        let tenants = answer.json["tenants"] as? [[String: Any]] ?? []
        let bySlug = tenants.reduce(into: [String: String]()) { found, tenant in
            found[tenant["slug"] as? String ?? ""] = tenant["phase"] as? String
        }
        return slugs.map { ($0, bySlug[$0] ?? "none") }
    }

    /// What each tenant itself says that it runs.
    func digests() async throws -> [String] {
        var digests: [String] = []
        for (slug, org) in zip(slugs, orgs) {
            digests.append(try await stack.tenant(slug, "/version", org: org)["image_digest"] ?? "none")
        }
        return digests
    }

    func redeploys(of slug: String, in id: String) async throws -> [String] {
        let answer = try await stack.platform("GET", "/cp/admin/tenants/\(slug)/redeploys")
        let redeploys = answer.json["redeploys"] as? [[String: Any]] ?? []
        return redeploys.filter { $0["rollout_id"] as? String == id }.compactMap { $0["phase"] as? String }
    }

    func events(of id: String) async throws -> [String] {
        try await stack.text("/cp/admin/rollouts/\(id)/events").split(separator: "\n")
            .filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
    }

    /// Twenty visits a second, until cancelled.
    func visit(_ slug: String) async throws {
        guard let index = slugs.firstIndex(of: slug) else { return }
        while !Task.isCancelled {
            _ = try? await stack.tenant(slug, "/version", org: orgs[index])
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
