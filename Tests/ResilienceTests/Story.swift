import Foundation
import Postgres
import TestSupport

/// Something that an operator asks for, with what must be true before and after.
struct Story: Sendable {
    let name: String
    /// Of the control plane, beside those of every scene.
    var settings: [String: String] = [:]
    /// Brings the scene to where the story begins.
    /// - Returns: the tenant's credential, where it has one by then.
    let prepare: @Sendable (Scene) async throws -> String?
    /// Asks, and waits for the end. Repeats what was not answered.
    let act: @Sendable (Scene) async throws -> Void
    /// What is not as it must be after the end.
    let broken: @Sendable (Scene, _ credential: String?) async throws -> [String]

    static let all = [
        provision, redeploy, rollout, rollback, teardown, cancelledProvisioning, retention, restore, repair,
        reconcile, resize, payment, leaving,
    ]

    /// Those that the environment names, with commas; all when it names none.
    static let chosen: [Story] = {
        let names = ProcessInfo.processInfo.environment["RESILIENCE_STORIES"] ?? ""
        let wanted = Set(names.split(separator: ",").map(String.init))
        return wanted.isEmpty ? all : all.filter { wanted.contains($0.name) }
    }()

    static let provision = Story(
        name: "provision", prepare: { _ in nil },
        act: { try await $0.provision() }, broken: { scene, _ in try await scene.brokenWhileRunning() })

    static let redeploy = Story(
        name: "redeploy", prepare: { try await $0.provision() }, act: { try await $0.redeploy() },
        broken: { scene, _ in
            let rows = try await scene.database.pool.query("SELECT image_digest FROM tenants")
            let digest = try rows.first?["image_digest", as: String?.self]
            let other = digest == scene.cloud.secondDigest ? [] : ["the image is \(digest ?? "unknown")"]
            return try await scene.brokenWhileRunning() + other
        })

    static let teardown = Story(
        name: "teardown", prepare: { try await $0.provision() }, act: { try await $0.delete() },
        broken: { try await $0.brokenAfterDelete(credential: $1) })

    /// A delete that arrives while the instance is being launched.
    static let cancelledProvisioning = Story(
        name: "delete while provisioning", prepare: { _ in nil },
        act: { scene in
            try await scene.signUp()
            try await scene.awaitStep("run_instance")
            try await scene.delete()
        },
        broken: { try await $0.brokenAfterDelete(credential: $1) })
}

extension Scene {
    @discardableResult
    func provision() async throws -> String? {
        try await signUp()
        try await awaitStatus("running")
        return try await credential()
    }

    /// Orders the second image until it runs; an order whose answer was lost may be under way.
    fileprivate func redeploy() async throws {
        let order = try await ask("POST", "/cp/admin/tenants/\(slug)/redeploy", #"{"target_tag":"v2"}"#)
        guard [202, 409].contains(order.status) else {
            throw TestSupportError("the redeploy was answered \(order)")
        }
        try await eventually("the second image", within: Self.patience) {
            let rows = try await database.pool.query("SELECT phase, error FROM redeploys")
            let phases = try rows.map { try $0["phase", as: String.self] }
            if let bad = phases.first(where: { ["failed", "refused", "rolled_back"].contains($0) }) {
                throw TestSupportError(
                    "a redeploy ended as \(bad): \(try rows[0]["error", as: String?.self] ?? "")")
            }
            return phases.contains { ["updated", "unchanged"].contains($0) }
        }
    }

    func delete() async throws {
        try await eventually("the purge", within: Self.patience) {
            let answer = try await ask("DELETE", "/cp/admin/tenants/\(slug)", #"{"confirm":"\#(slug)"}"#)
            guard answer.status == 200 else { throw TestSupportError("the delete was answered \(answer)") }
            return answer["status"] == "purged"
        }
    }

    fileprivate func awaitStep(_ name: String) async throws {
        try await eventually("the step \(name)", within: Self.patience) {
            try await !database.pool.query("SELECT 1 AS one FROM workflow_steps WHERE name = \(name)").isEmpty
        }
    }
}
