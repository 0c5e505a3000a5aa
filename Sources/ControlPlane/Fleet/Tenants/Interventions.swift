import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// What a person may do with a tenant's workflow: hurry it, end it, or declare what it waits for as given.

extension AppError {
    package static let partOfARollout = AppError(
        .conflict, "part_of_a_rollout",
        "It shares a command with other tenants of a rollout. Pause, abort or roll back that one.")
}

/// What a person does when a tenant is stuck.
package struct Interventions: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }

    /// The live workflow that moves the tenant, if any. A teardown comes first: it waits for the others; a
    /// change of the instance's type last: it mostly waits for its turn.
    package func liveWorkflow(of org: Org) async throws -> WorkflowDescription? {
        for kind in TearDownTenant.working {
            let found = try await engine.status(kind: kind, subject: org.id.text)
            if let found, found.state.isLive { return found }
        }
        if let batch = try await liveBatch(of: org) { return batch }
        let resize = try await engine.status(kind: ResizeTenant.kind, subject: org.id.text)
        return resize.flatMap { $0.state.isLive ? $0 : nil }
    }

    /// The part of a rollout that redeploys the tenant now.
    private func liveBatch(of org: Org) async throws -> WorkflowDescription? {
        guard let redeploy = try await RedeployStore(database: database).live(org: org.id),
            let rollout = redeploy.rollout,
            let batch = try await RolloutTenantStore(database: database, rolloutID: rollout).batch(of: org.id)
        else { return nil }
        return try await engine.status(
            kind: RedeployBatch.kind, subject: RedeployBatch.subject(rollout, batch))
    }

    /// Ends provisioning, a redeploy, a repair, or a change of the instance's type that has not begun.
    package func cancelWorkflow(
        _ workflow: WorkflowDescription, of org: Org, by origin: RequestOrigin
    ) async throws {
        guard workflow.kind != TearDownTenant.kind else {
            throw AppError(
                .conflict, "teardown_cannot_be_cancelled",
                "A teardown goes on to its end. What the plan keeps can be restored afterwards.")
        }
        guard workflow.kind != RedeployBatch.kind else { throw AppError.partOfARollout }
        if workflow.kind == ResizeTenant.kind {
            return try await Resizes(fleet: fleet).cancelResize(workflow, of: org, by: origin)
        }
        let failure = WorkflowFailure(code: "cancelled", message: "An operator cancelled it.")
        try await database.transaction { transaction in
            if workflow.kind == ProvisionTenant.kind,
                let tenant = try await TenantStore(database: transaction).find(org: org.id)
            {
                let input = ProvisionTenant.Input(orgID: org.id, slug: org.slug, launchID: tenant.launchID)
                try await Teardowns(fleet: fleet).endProvisioning(input, failure, by: origin, transaction)
            } else if let redeploy = try await RedeployStore(database: transaction).live(org: org.id) {
                try await RedeployStore(database: transaction).fail(
                    redeploy.id, code: failure.code, message: failure.message)
            }
            try await engine.cancel(workflow.id, in: transaction)
            try await recordOrder("cancelled", workflow.kind, org, by: origin, in: transaction)
        }
    }

    /// What a person ordered of a workflow.
    package func recordOrder(
        _ order: String, _ kind: String, _ org: Org, by origin: RequestOrigin, in transaction: Transaction
    ) async throws {
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: "workflow.\(order)", org: org.id, subject: org.slug, after: ["kind": .string(kind)]),
            by: origin)
    }

    package func startRepair(of org: Org, by origin: RequestOrigin) async throws -> UUID {
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard let instanceID = tenant.instanceID, org.status == .running || org.status == .provisioning else {
            throw AppError(
                .conflict, "no_instance",
                "Only a living instance can be repaired; \(org.slug) is \(org.status.rawValue). "
                    + "A failed tenant is launched anew by retry.")
        }
        do {
            return try await database.transaction { transaction in
                try await TenantStore(database: transaction).requireNoResize(org: org.id)
                try await recordOrder("started", RepairTenant.kind, org, by: origin, in: transaction)
                return try await engine.start(
                    RepairTenant.kind, subject: org.id.text,
                    input: RepairTenant.Input(orgID: org.id, slug: org.slug, instanceID: instanceID),
                    in: transaction)
            }
        } catch let conflict as WorkflowConflict {
            throw AppError(
                .conflict, "repair_in_progress", "A repair of this tenant is under way.",
                members: ["workflow_id": conflict.existing.text])
        }
    }
}
