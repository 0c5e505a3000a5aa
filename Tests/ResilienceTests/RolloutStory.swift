import Foundation
import Postgres
import TestSupport

extension Story {
    /// A canary, its soak and its judgement: the tenant goes to the second image, once.
    static let rollout = Story(
        name: "rollout", prepare: { try await $0.provision() },
        act: { try await $0.rollOut() },
        broken: { scene, _ in
            try await scene.brokenRollout(state: "succeeded", outcome: "updated")
                + scene.brokenImage(scene.cloud.secondDigest)
        })

    /// The same, undone by an operator.
    static let rollback = Story(
        name: "rollback",
        prepare: { scene in
            let credential = try await scene.provision()
            try await scene.rollOut()
            return credential
        },
        act: { try await $0.rollBack() },
        broken: { scene, _ in
            try await scene.brokenRollout(state: "rolled_back", outcome: "rolled_back")
                + scene.brokenImage(scene.cloud.firstDigest)
        })
}

extension Scene {
    /// Orders it until it stands; an order whose answer was lost has begun one.
    fileprivate func rollOut() async throws {
        let body = #"{"target_tag":"v2","canary_slugs":["\#(slug)"],"soak_seconds":1}"#
        let order = try await ask("POST", "/cp/admin/rollouts", body)
        guard [202, 409].contains(order.status) else {
            throw TestSupportError("the rollout was answered \(order)")
        }
        try await awaitRollout("succeeded")
    }

    fileprivate func rollBack() async throws {
        let id = try await database.pool.query("SELECT id::text AS id FROM rollouts")[0][
            "id", as: String.self]
        let order = try await ask("POST", "/cp/admin/rollouts/\(id)/rollback")
        guard [202, 409].contains(order.status) else {
            throw TestSupportError("the rollback was answered \(order)")
        }
        try await awaitRollout("rolled_back")
    }

    private func awaitRollout(_ wanted: String) async throws {
        try await eventually("the rollout to be \(wanted)", within: Self.patience) {
            let rows = try await database.pool.query("SELECT state, reason FROM rollouts")
            let state = try rows.first?["state", as: String.self] ?? "none"
            if ["failed", "aborted", "incomplete", "paused"].contains(state) {
                throw TestSupportError(
                    "the rollout is \(state): \(try rows[0]["reason", as: String?.self] ?? "")")
            }
            return state == wanted
        }
    }

    fileprivate func brokenRollout(state: String, outcome: String) async throws -> [String] {
        var broken = try await brokenWhileRunning()
        let rollouts = try await database.pool.query("SELECT state FROM rollouts")
        let states = try rollouts.map { try $0["state", as: String.self] }
        if states != [state] { broken.append("the rollouts are \(states)") }
        let tenants = try await database.pool.query("SELECT outcome, is_open FROM rollout_tenants")
        let outcomes = try tenants.map { try $0["outcome", as: String.self] }
        if outcomes != [outcome] { broken.append("the tenants are \(outcomes)") }
        if try tenants.contains(where: { try $0["is_open", as: Bool.self] }) {
            broken.append("a tenant's row is open")
        }
        // One redeploy there, and one back.
        let wanted = outcome == "updated" ? 1 : 2
        let redeploys = try await rows("redeploys WHERE phase = 'updated'")
        let all = try await rows("redeploys")
        if redeploys != wanted || all != wanted { broken.append("\(redeploys) of \(all) redeploys updated") }
        return broken
    }

    fileprivate func brokenImage(_ wanted: String) async throws -> [String] {
        let rows = try await database.pool.query("SELECT image_digest FROM tenants")
        let digest = try rows.first?["image_digest", as: String?.self]
        let running = try await cloud.holdings(org: try await orgID(), slug: slug).instances.first?
            .images?["tenant"]
        var broken: [String] = []
        if digest != wanted { broken.append("rows say that \(digest ?? "nothing") runs") }
        if running?.hasSuffix(wanted) != true { broken.append("\(running ?? "nothing") runs") }
        return broken
    }
}
