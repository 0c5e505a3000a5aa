import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// One tenant gets another image of a service.
package struct Redeploys: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) { self.fleet = fleet }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }

    /// - Throws: `not_running` (409).
    package func runningTenant(of org: Org) async throws -> Tenant {
        guard org.status == .running else {
            throw AppError(
                .conflict, "not_running",
                "Only a running tenant can be redeployed; this one is \(org.status.rawValue).")
        }
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard tenant.instanceID != nil else {
            throw AppError(.conflict, "not_running", "The tenant has no instance.")
        }
        return tenant
    }

    /// - Parameter also: in the same transaction, once the tenant has no other redeploy.
    /// - Throws: `redeploy_in_progress` (409).
    package func start(
        _ org: Org, _ tenant: Tenant, _ replacement: Replacement, tag: String?, isRotation: Bool = false,
        by origin: RequestOrigin,
        also: @Sendable @escaping (Transaction) async throws -> Void = { _ in }
    ) async throws -> Redeploy {
        let current = tenant.digest(of: replacement.service)
        let new = RedeployStore.New(
            id: UUID(), orgID: org.id, replacement: replacement, targetTag: tag,
            digest: replacement.digest ?? current ?? "", previousDigest: current)
        do {
            try await database.transaction { transaction in
                guard try await RedeployStore(database: transaction).insert(new) else { throw Taken() }
                try await also(transaction)
                try await startRedeploy(new, org, tenant, isRotation: isRotation, in: transaction)
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "tenant.redeploy_begun", org: org.id, subject: org.slug,
                        before: ["digest": .text(current)],
                        after: [
                            "redeploy_id": .string(new.id.text), "digest": .string(new.digest),
                            "service": .string(replacement.service.rawValue), "target_tag": .text(tag),
                        ]),
                    by: origin)
            }
        } catch is Taken {
            throw try await inProgress(org)
        } catch is WorkflowConflict {
            throw try await inProgress(org)
        }
        return Redeploy(
            id: new.id, slug: org.slug, service: replacement.service, isRefresh: replacement.image == nil,
            phase: .sending, targetTag: tag, previousDigest: current, digest: new.digest)
    }

    private struct Taken: Error {}

    /// Names the one that stands in the way.
    private func inProgress(_ org: Org) async throws -> AppError {
        let live = try await RedeployStore(database: database).live(org: org.id)
        if live == nil, try await ResizeStore(database: database).live(org: org.id)?.phase == .changing {
            return .resizeInProgress
        }
        var members = ["redeploy_id": live?.id.text ?? ""]
        members["rollout_id"] = live?.rollout?.text
        return AppError(
            .conflict, "redeploy_in_progress", "Another redeploy of this tenant is under way.",
            members: members)
    }

    package func replacement(
        _ service: StackService, _ image: ImageReference?, drainSeconds: Int
    ) -> Replacement {
        Replacement(
            service: service, image: image?.pinned, healthSeconds: fleet.healthSeconds,
            drainSeconds: drainSeconds)
    }

    private func startRedeploy(
        _ new: RedeployStore.New, _ org: Org, _ tenant: Tenant, isRotation: Bool, in transaction: Transaction
    ) async throws {
        let target = GroupRedeploy.Target(
            redeployID: new.id, orgID: org.id, slug: org.slug, instanceID: tenant.instanceID ?? "")
        _ = try await engine.start(
            RedeployTenant.kind, subject: org.id.text,
            input: RedeployTenant.Input(
                target: target, replacement: new.replacement, isRotation: isRotation ? true : nil),
            in: transaction)
    }
}
