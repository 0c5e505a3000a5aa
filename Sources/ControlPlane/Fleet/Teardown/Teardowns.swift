import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// The ways out for an organisation's tenant: a failed provisioning, a delete, the end of a retention.
package struct Teardowns: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }

    /// A permanent failure takes the same way out as a delete, and leaves the reason where its user looks.
    func endProvisioning(
        _ input: ProvisionTenant.Input, _ failure: WorkflowFailure, by origin: RequestOrigin,
        _ transaction: Transaction
    ) async throws {
        let wasProvisioning = try await OrgStore(database: transaction).markFailed(
            id: input.orgID, code: failure.code, message: failure.message)
        guard wasProvisioning else { return }
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: "org.failed", org: input.orgID, subject: input.slug,
                before: ["status": "provisioning"],
                after: ["status": "failed", "code": .string(failure.code)]),
            by: origin)
        try await startTearDown(org: input.orgID, slug: input.slug, in: transaction)
    }

    /// Issued again, it joins the teardown that is under way, or starts one that ends what an earlier left.
    /// - Parameter isErasure: nothing is kept, whatever the plan says.
    package func beginDelete(_ org: Org, isErasure: Bool = false, by origin: RequestOrigin) async throws {
        try await database.transaction { transaction in
            try await beginDelete(org, isErasure: isErasure, by: origin, in: transaction)
        }
    }

    package func beginDelete(
        _ org: Org, isErasure: Bool = false, by origin: RequestOrigin, in transaction: Transaction
    ) async throws {
        try await OrgStore(database: transaction).markDeprovisioning(id: org.id)
        for kind in TearDownTenant.others {
            try await engine.cancel(kind: kind, subject: org.id.text, in: transaction)
        }
        try await ResizeStore(database: transaction).abandon(org: org.id, .cancelled)
        try await startTearDown(org: org.id, slug: org.slug, isErasure: isErasure, in: transaction)
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: isErasure ? "org.erasure_begun" : "org.delete_begun", org: org.id,
                subject: org.slug, before: ["status": .string(org.status.rawValue)],
                after: ["status": "deprovisioning"]),
            by: origin)
    }

    /// Starts the teardown, or leaves the one that is under way.
    func startTearDown(
        org: UUID, slug: String, isErasure: Bool = false, in transaction: Transaction
    ) async throws {
        guard try await !engine.isLive(kind: TearDownTenant.kind, subject: org.text, in: transaction) else {
            return
        }
        _ = try await engine.start(
            TearDownTenant.kind, subject: org.text,
            input: TearDownTenant.Input(orgID: org, slug: slug, isErasure: isErasure), in: transaction)
    }

    func startForgetting(org: UUID, _ scope: ForgetTenant.Scope, in transaction: Transaction) async throws {
        _ = try await engine.start(
            ForgetTenant.kind, subject: org.text, input: ForgetTenant.Input(orgID: org, scope: scope),
            in: transaction)
    }

    /// Every snapshot that carries the organisation's tag.
    func deleteSnapshots(org: UUID, _ context: WorkflowContext) async throws {
        try await context.step("delete_snapshots", retry: TearDownTenant.persistent) { _ in
            let mine = EC2Filter(name: "tag:\(ResourceTag.org)", values: [org.text])
            for snapshot in try await fleet.ec2.describeSnapshots(filters: [mine]) {
                try await fleet.ec2.deleteSnapshot(id: snapshot.snapshotId)
            }
        }
        try await context.transaction("deleted_snapshot") { transaction in
            try await ResourceLedger(database: transaction).deleted(.snapshot, org: org)
        }
    }

    /// Leaves the purge record, and nothing else of the organisation.
    func purge(org: UUID, by origin: RequestOrigin, in transaction: Transaction) async throws {
        let slug = try await OrgStore(database: transaction).find(id: org)?.slug
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: "org.purged", org: org, subject: slug ?? org.text, after: ["status": "purged"]),
            by: origin)
        try await TenantStore(database: transaction).delete(org: org)
        try await ResourceLedger(database: transaction).forget(org: org)
        try await CredentialStore(database: transaction).revokeAll(org: org)
        try await MembershipStore(database: transaction).forget(org: org)
        try await fleet.billing.forget(org: org, in: transaction)
        try await OrgStore(database: transaction).markPurged(id: org)
    }

    /// Ends the retention of a deleted organisation at once.
    package func eraseRetained(_ org: Org, by origin: RequestOrigin) async throws {
        try await database.transaction { transaction in
            try await AuditLog(database: transaction).record(
                AuditEvent(action: "org.erasure_begun", org: org.id, subject: org.slug), by: origin)
            try await engine.cancel(kind: ForgetTenant.kind, subject: org.id.text, in: transaction)
            try await startForgetting(org: org.id, .tenant(afterDays: 0), in: transaction)
        }
    }
}
