import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers
import Synchronization
import TenantProtocol
import Workflows

/// Waiting for the instance: its enrolment, its stages, and its health as its users see it.
extension ProvisionTenant {
    private var deadlines: Deadlines { fleet.settings.deadlines }

    func awaitBoot(_ context: WorkflowContext) async throws {
        let looks = BootLooks()
        try await context.wait(
            "enrolment", deadline: deadlines.enrolment, poll: deadlines.poll,
            until: { try await bootSoFar(context, looks).isConfirmed })
        for stage in BootStage.allCases where stage.order > BootStage.enrolment.order {
            try await context.wait(
                "stage_\(stage.rawValue)", deadline: deadlines.stage, poll: deadlines.poll,
                until: { try await bootSoFar(context, looks).progress.has(stage) })
        }
    }

    func awaitHealthy(_ context: WorkflowContext, _ launch: Launch) async throws {
        try await context.wait(
            "healthy", deadline: deadlines.healthy, poll: .seconds(1),
            until: { await fleet.isHealthyThroughEdge(slug: input.slug, launch) })
    }

    /// How far the launch has come, unless a stage of its boot has failed.
    private func bootSoFar(
        _ context: WorkflowContext, _ looks: BootLooks
    ) async throws -> BootEventStore.Boot {
        let boot = try await looks.boot(wakes: context.wakes) { try await self.boot() }
        guard let failed = boot.progress.failure else { return boot }
        let code = failed.code?.rawValue ?? "unknown"
        throw PermanentFailure(
            code: "stage_failed",
            message: "The instance reported that the stage \(failed.stage.rawValue) failed: \(code).")
    }

    private func boot() async throws -> BootEventStore.Boot {
        guard let boot = try await BootEventStore(database: fleet.database).boot(org: input.orgID) else {
            throw AppError(.conflict, "tenant_gone", "The tenant has been torn down.")
        }
        return boot
    }

    func keepConsole(_ context: WorkflowContext) async throws {
        try await context.step("keep_console") { _ in
            try await fleet.keepConsole(org: input.orgID)
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
            if try await OrgStore(database: transaction).markRunning(id: input.orgID) {
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "org.running", org: input.orgID, subject: input.slug,
                        before: ["status": "provisioning"], after: ["status": "running"]),
                    by: .workflow(Self.kind, id: context.workflowID))
            }
            // A plan that changed since the launch was decided.
            if let org = try await OrgStore(database: transaction).find(id: input.orgID) {
                try await Resizes(fleet: fleet).followPlan(
                    org.plan, org: org.id, slug: org.slug, in: transaction)
            }
            // The volume lives again: the snapshot that it came from has done its work.
            if launch.snapshotID != nil {
                try await Teardowns(fleet: fleet).startForgetting(
                    org: input.orgID, .snapshots, in: transaction)
            }
        }
    }
}

/// What one run of the workflow has last seen of a boot. Several waits look one after the other: as long as
/// nothing has woken the workflow since, nothing has changed.
private final class BootLooks: Sendable {
    private let last = Mutex<(wakes: Int, boot: BootEventStore.Boot)?>(nil)

    /// - Parameter wakes: counted before the look.
    func boot(
        wakes: Int, _ look: () async throws -> BootEventStore.Boot
    ) async throws -> BootEventStore.Boot {
        if let last = last.withLock({ $0 }), last.wakes == wakes { return last.boot }
        let boot = try await look()
        last.withLock { $0 = (wakes, boot) }
        return boot
    }
}
