import Foundation
import Postgres
import TestSupport

/// What is kept of a deleted tenant, and how it comes back.
extension Story {
    private static let keepsWeek = ["RETENTION_DAYS": "free=7"]

    /// A delete that keeps a snapshot.
    static let retention = Story(
        name: "retention", settings: keepsWeek, prepare: { try await $0.provision() },
        act: { try await $0.delete() }, broken: { try await $0.brokenWhileRetained(credential: $1) })

    /// A second launch, on the kept volume and with its keys; then the snapshot goes.
    static let restore = Story(
        name: "restore", settings: keepsWeek,
        prepare: { scene in
            let credential = try await scene.provision()
            try await scene.delete()
            // The teardown ends a moment after the tenant is purged.
            try await scene.awaitQuiet(but: "forget_tenant")
            return credential
        },
        act: { try await $0.restore() },
        broken: { scene, credential in
            var broken = try await scene.brokenWhileRunning(created: 2, tokens: 2)
            let held = try await scene.cloud.holdings(org: try await scene.orgID(), slug: scene.slug)
            if !held.snapshots.isEmpty { broken.append("\(held.snapshots.count) snapshots are left") }
            if let credential, try await scene.isOpen(to: credential) {
                broken.append("the credential of the first launch opens again")
            }
            return broken
        })
}

extension Scene {
    /// Asks until it runs. An order whose answer was lost has been taken: the tenant is not deleted any more.
    fileprivate func restore() async throws {
        let order = try await ask("POST", "/cp/admin/orgs/\(slug)/restore")
        guard order.status == 202 || order["code"] == "not_deleted" else {
            throw TestSupportError("the restore was answered \(order)")
        }
        try await awaitStatus("running")
    }
}
