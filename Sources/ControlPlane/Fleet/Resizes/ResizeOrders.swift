import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// Who orders another type for a tenant's instance, and who takes an order back.
/// Orders for another type of a tenant's instance.
package struct Resizes: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }

    /// Has the instance follow the plan, in the transaction that changes the plan or finds it changed. Call
    /// it late: it locks workflows.
    package func followPlan(_ plan: String, org: UUID, slug: String, in transaction: Transaction) async throws
    {
        guard let tenant = try await TenantStore(database: transaction).find(org: org),
            tenant.instanceID != nil, let current = tenant.runningType
        else { return }
        try await orderResize(
            org: org, slug: slug, from: current, to: Launches(fleet: fleet).instanceType(of: plan),
            cause: .plan, isAnyTime: false,
            in: transaction)
    }

    /// - Parameter isAnyTime: it need not wait for the maintenance window.
    /// - Returns: whether anything is to be done that was not before.
    @discardableResult
    package func orderResize(
        org: UUID, slug: String, from current: String, to type: String, cause: Resize.Cause, isAnyTime: Bool,
        in transaction: Transaction
    ) async throws -> Bool {
        let resizes = ResizeStore(database: transaction)
        if current == type, try await resizes.live(org: org) == nil { return false }
        guard
            try await resizes.order(
                org: org, from: current, to: type, cause: cause, isAnyTime: isAnyTime)
        else { return false }
        try await engine.startOrWake(
            ResizeTenant.kind, subject: org.text, input: ResizeTenant.Input(orgID: org, slug: slug),
            in: transaction)
        return true
    }

    /// - Throws: `resize_in_progress` (409) once the instance is stopped: it goes on, or back by itself.
    func cancelResize(
        _ workflow: WorkflowDescription, of org: Org, by origin: RequestOrigin
    ) async throws {
        try await database.transaction { transaction in
            _ = try await OrgStore(database: transaction).lockWhatever(id: org.id)
            try await TenantStore(database: transaction).requireNoResize(org: org.id)
            try await ResizeStore(database: transaction).abandon(org: org.id, .cancelled)
            try await engine.cancel(workflow.id, in: transaction)
            try await Interventions(fleet: fleet).recordOrder(
                "cancelled", workflow.kind, org, by: origin, in: transaction)
        }
    }
}
