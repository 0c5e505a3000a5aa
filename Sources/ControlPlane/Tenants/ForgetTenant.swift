import FoundationEssentials
import Postgres
import Workflows

/// Deletes an organisation's snapshots: when its retention ends, together with the last that is known of it,
/// or when the volume that was restored from them lives.
struct ForgetTenant: Sendable {
    static let kind = "forget_tenant"

    enum Scope: Codable, Sendable, Equatable {
        case tenant(afterDays: Int)
        case snapshots
    }

    struct Input: Codable, Sendable {
        var orgID: UUID
        var scope: Scope
    }

    let platform: Platform
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        guard case .tenant(let days) = input.scope else {
            return try await platform.deleteSnapshots(org: input.orgID, context)
        }
        if days > 0 { try await context.sleep("retention", .seconds(days * 86_400)) }
        guard try await endRetention(context) else { return }
        try await platform.deleteSnapshots(org: input.orgID, context)
        try await context.transaction("purge") { transaction in
            try await platform.purge(
                org: input.orgID, by: .workflow(Self.kind, id: context.workflowID), in: transaction)
        }
    }

    /// From here on there is no way back; a restore that came first leaves nothing to do.
    private func endRetention(_ context: WorkflowContext) async throws -> Bool {
        try await context.transaction("end_retention") { transaction in
            try await OrgStore(database: transaction).endRetention(id: input.orgID)
        }
    }
}

extension Platform {
    func startForgetting(org: UUID, _ scope: ForgetTenant.Scope, in transaction: Transaction) async throws {
        _ = try await engine.start(
            ForgetTenant.kind, subject: org.text, input: ForgetTenant.Input(orgID: org, scope: scope),
            in: transaction)
    }

    /// Every snapshot that carries the organisation's tag.
    func deleteSnapshots(org: UUID, _ context: WorkflowContext) async throws {
        try await context.step("delete_snapshots", retry: TearDownTenant.persistent) { _ in
            let mine = EC2Filter(name: "tag:\(ResourceTag.org)", values: [org.text])
            for snapshot in try await ec2.describeSnapshots(filters: [mine]) {
                try await ec2.deleteSnapshot(id: snapshot.snapshotId)
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
        try await BillingStore(database: transaction).forget(org: org)
        try await OrgStore(database: transaction).markPurged(id: org)
    }

    /// Ends the retention of a deleted organisation at once.
    func eraseRetained(_ org: Org, by origin: RequestOrigin) async throws {
        try await database.transaction { transaction in
            try await AuditLog(database: transaction).record(
                AuditEvent(action: "org.erasure_begun", org: org.id, subject: org.slug), by: origin)
            try await engine.cancel(kind: ForgetTenant.kind, subject: org.id.text, in: transaction)
            try await startForgetting(org: org.id, .tenant(afterDays: 0), in: transaction)
        }
    }
}
