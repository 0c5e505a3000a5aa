import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// Deletes an organisation's snapshots: when its retention ends, together with the last that is known of it,
/// or when the volume that was restored from them lives.
struct ForgetTenant: Sendable {
    static let kind = "forget_tenant"

    package enum Scope: Codable, Sendable, Equatable {
        case tenant(afterDays: Int)
        case snapshots
    }

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var scope: Scope

        package init(orgID: UUID, scope: Scope) {
            self.orgID = orgID
            self.scope = scope
        }
    }

    let fleet: FleetContext
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        guard case .tenant(let days) = input.scope else {
            return try await Teardowns(fleet: fleet).deleteSnapshots(org: input.orgID, context)
        }
        if days > 0 { try await context.sleep("retention", .seconds(days * 86_400)) }
        guard try await endRetention(context) else { return }
        try await Teardowns(fleet: fleet).deleteSnapshots(org: input.orgID, context)
        try await context.transaction("purge") { transaction in
            try await Teardowns(fleet: fleet).purge(
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
