import FoundationEssentials
import Postgres
import TenantProtocol
import Workflows

/// Waiting for the instance: its enrolment, its stages, and its health as its users see it.
extension ProvisionTenant {
    private var deadlines: Configuration.Deadlines { platform.configuration.deadlines }

    func awaitEnrolment(_ context: WorkflowContext) async throws {
        try await context.wait(
            "enrolment", deadline: deadlines.enrolment, poll: deadlines.poll,
            until: { try await bootSoFar().tenant.confirmedAt != nil })
    }

    func awaitStages(_ context: WorkflowContext) async throws {
        for stage in BootStage.allCases where stage.order > BootStage.enrolment.order {
            let name = "stage_\(stage.rawValue)"
            try await context.wait(
                name, deadline: deadlines.stage, poll: deadlines.poll,
                until: {
                    try await bootSoFar().progress.has(stage)
                })
        }
    }

    func awaitHealthy(_ context: WorkflowContext, _ launch: Launch) async throws {
        try await context.wait(
            "healthy", deadline: deadlines.healthy, poll: .seconds(1),
            until: { await platform.isHealthyThroughEdge(slug: input.slug, launch) })
    }

    /// The tenant and what it has reported, unless a stage of its boot has failed.
    private func bootSoFar() async throws -> (tenant: Tenant, progress: BootProgress) {
        let boot = try await boot()
        guard let failed = boot.progress.failure else { return boot }
        let code = failed.code?.rawValue ?? "unknown"
        throw PermanentFailure(
            code: "stage_failed",
            message: "The instance reported that the stage \(failed.stage.rawValue) failed: \(code).")
    }

    private func boot() async throws -> (tenant: Tenant, progress: BootProgress) {
        let tenant = try await TenantStore(database: platform.database).require(org: input.orgID)
        return (tenant, try await BootEventStore(database: platform.database).progress(of: tenant))
    }

    func keepConsole(_ context: WorkflowContext) async throws {
        try await context.step("keep_console") { _ in
            try await platform.keepConsole(org: input.orgID)
        }
    }

    func explain(_ timeout: WaitTimedOut) async throws -> PermanentFailure {
        let progress = try await boot().progress
        return PermanentFailure(
            code: "deadline_exceeded",
            message: "The deadline for \"\(timeout.name)\" has passed; \(progress.summary).")
    }

    func recordRunning(_ context: WorkflowContext, _ launch: Launch) async throws {
        try await context.transaction("record_running") { transaction in
            let digest = ImageReference(launch.stack.tenant).digest ?? ""
            try await TenantStore(database: transaction).recordRunning(org: input.orgID, imageDigest: digest)
            try await OrgStore(database: transaction).markRunning(id: input.orgID)
            // The volume lives again: the snapshot that it came from has done its work.
            if launch.snapshotID != nil {
                try await platform.startForgetting(org: input.orgID, .snapshots, in: transaction)
            }
        }
    }
}
