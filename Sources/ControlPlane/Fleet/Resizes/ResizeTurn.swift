import FoundationEssentials
import Organisations
import Postgres
import TenantProtocol
import Workflows

/// When a change of the instance's type may begin, and the commits in which it begins and ends.
///
/// Rows are always locked in this order: the organisation's, its tenant's, its order's.
struct ResizeTurn: Sendable {
    let fleet: FleetContext
    let input: ResizeTenant.Input

    /// What is to be done, fixed for a round.
    package struct Change: Codable, Sendable {
        var resizeID: UUID
        package var launchID: UUID
        package var launch: Launch?
        package var instanceID: String
        var fromType: String
        package var toType: String

        package init(
            resizeID: UUID, launchID: UUID, launch: Launch? = nil, instanceID: String, fromType: String,
            toType: String
        ) {
            self.resizeID = resizeID
            self.launchID = launchID
            self.launch = launch
            self.instanceID = instanceID
            self.fromType = fromType
            self.toType = toType
        }
    }

    package enum Beginning: Codable, Sendable {
        /// No order is left, as of so many wakes.
        case nothing(wakes: Int)
        case notYet
        case change(Change)
    }

    private var window: MaintenanceWindow { fleet.settings.maintenanceWindow }

    // MARK: Before

    /// Whether a round may begin; also when there is nothing left to begin.
    func hasCome() async throws -> Bool {
        let database = fleet.database
        guard let resize = try await ResizeStore(database: database).live(org: input.orgID),
            let tenant = try await TenantStore(database: database).find(org: input.orgID),
            tenant.runningType != resize.toType
        else { return true }
        guard resize.opening(window, now: try await now(database)) == nil else { return false }
        return try await !isBusy(database)
    }

    /// Something else is at work on the tenant, a rollout watches how it fares, or a person does not want it
    /// touched.
    private func isBusy(_ database: any PostgresExecutor) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT EXISTS (SELECT 1 FROM redeploys WHERE org_id = \(input.orgID) AND finished_at IS NULL)
                OR EXISTS (SELECT 1 FROM workflows WHERE subject = \(input.orgID.text)
                    AND kind = ANY (\(TearDownTenant.working)) AND state IN ('waiting', 'running'))
                OR EXISTS (SELECT 1 FROM rollout_tenants WHERE org_id = \(input.orgID) AND is_open
                    AND outcome IN ('updating', 'updated', 'reverting'))
                OR EXISTS (SELECT 1 FROM orgs WHERE id = \(input.orgID) AND maintenance_until > now())
                AS is_busy
            """)
        return try rows[0]["is_busy", as: Bool.self]
    }

    private func now(_ database: any PostgresExecutor) async throws -> Date {
        try await database.query("SELECT now() AS now")[0]["now", as: Date.self]
    }

    // MARK: The commit in which it begins

    func begin(_ number: Int, _ context: WorkflowContext) async throws -> Beginning {
        try await context.transaction("begin_\(number)") { transaction in
            let resizes = ResizeStore(database: transaction)
            let org = try await OrgStore(database: transaction).lockWhatever(id: input.orgID)
            let tenant = try await TenantStore(database: transaction).lock(org: org.id)
            guard let resize = try await resizes.lockLive(org: org.id) else {
                return .nothing(wakes: context.wakes)
            }
            guard [.running, .suspended].contains(org.status), let tenant,
                let instanceID = tenant.instanceID, let current = tenant.runningType
            else {
                try await resizes.finish(resize, .cancelled)
                return .nothing(wakes: context.wakes)
            }
            if current == resize.toType {
                try await resizes.finish(resize, .unchanged)
                return .nothing(wakes: context.wakes)
            }
            if try await isBusy(transaction) { return .notYet }
            let vcpus = max(InstanceType.vcpus(of: current), InstanceType.vcpus(of: resize.toType))
            guard
                try await Placements(settings: fleet.settings)
                    .hasRoom(for: vcpus - InstanceType.vcpus(of: current), in: transaction)
            else {
                let refusal = ResizeTenant.Refusal(
                    code: "no_capacity",
                    message: "\(resize.toType) does not fit into the region's "
                        + "\(fleet.settings.maximumVCPUs) vCPUs (EC2_MAXIMUM_VCPUS).")
                try await giveUp(resize, refusal, resizes, context)
                // It has ended, or waits for another window: the next round sees which.
                return .notYet
            }
            try await resizes.begin(resize, org: org.id, from: current, vcpus: vcpus)
            try await record("tenant.resize_begun", resize, current, nil, context, transaction)
            return .change(
                Change(
                    resizeID: resize.id, launchID: tenant.launchID, launch: tenant.launch,
                    instanceID: instanceID, fromType: current, toType: resize.toType))
        }
    }

    // MARK: The commit in which it ends

    /// - Parameter refusal: why it has its former type.
    func conclude(
        _ change: Change, _ refusal: ResizeTenant.Refusal?, _ number: Int, _ context: WorkflowContext
    ) async throws {
        try await context.transaction("conclude_\(number)") { transaction in
            let resizes = ResizeStore(database: transaction)
            _ = try await OrgStore(database: transaction).lockWhatever(id: input.orgID)
            try await resizes.settle(
                org: input.orgID, type: refusal == nil ? change.toType : change.fromType)
            guard let resize = try await resizes.lockLive(org: input.orgID), resize.id == change.resizeID
            else { return }
            try await record(
                "tenant.resize_ended", resize, change.fromType, refusal, context, transaction)
            if resize.toType != change.toType {
                // Another type was ordered meanwhile.
                return try await resizes.putOff(resize, until: nil, nil)
            }
            guard let refusal else { return try await resizes.finish(resize, .changed) }
            try await giveUp(resize, refusal, resizes, context)
        }
    }

    /// What a plan asked for is tried again in the next windows.
    private func giveUp(
        _ resize: Resize, _ refusal: ResizeTenant.Refusal, _ resizes: ResizeStore,
        _ context: WorkflowContext
    ) async throws {
        fleet.logger.warning(
            "an instance keeps its type",
            metadata: ["org": "\(input.slug)", "code": "\(refusal.code)", "wanted": "\(resize.toType)"])
        guard resize.cause == .plan, resize.failures + 1 < ResizeTenant.maximumTries else {
            return try await resizes.finish(resize, .kept, refusal)
        }
        let next = window.nextOpening(after: try await now(resizes.database))
        try await resizes.putOff(resize, until: next, refusal)
    }

    private func record(
        _ action: String, _ resize: Resize, _ current: String, _ refusal: ResizeTenant.Refusal?,
        _ context: WorkflowContext, _ transaction: Transaction
    ) async throws {
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: action, org: input.orgID, subject: input.slug,
                before: ["instance_type": .string(current)],
                after: [
                    "instance_type": .string(refusal == nil ? resize.toType : current),
                    "resize_id": .string(resize.id.text), "code": .text(refusal?.code),
                ]),
            by: .workflow(ResizeTenant.kind, id: context.workflowID))
    }
}
