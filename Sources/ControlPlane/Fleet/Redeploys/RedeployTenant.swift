import FoundationEssentials
import Organisations
import Postgres
import TenantProtocol
import Workflows

/// Replaces one container of one tenant, over SSM.
struct RedeployTenant: Sendable {
    static let kind = "redeploy_tenant"

    package struct Input: Codable, Sendable {
        package var target: GroupRedeploy.Target
        package var replacement: Replacement
        /// It carries another admin token to its instance; nil in one of an earlier version.
        package var isRotation: Bool?

        package init(target: GroupRedeploy.Target, replacement: Replacement, isRotation: Bool? = nil) {
            self.target = target
            self.replacement = replacement
            self.isRotation = isRotation
        }
    }

    let fleet: FleetContext
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        guard try await comesOnline(context) else { return try await end(context, .unreachable) }
        let redeploy = GroupRedeploy(
            fleet: fleet, replacement: input.replacement, id: input.target.redeployID.text)
        let outcomes = try await redeploy.run(context, [input.target])
        try await end(context, outcomes[input.target.orgID] ?? .unreachable)
    }

    private func end(_ context: WorkflowContext, _ outcome: GroupRedeploy.Outcome) async throws {
        let isRotation = input.isRotation == true
        let refusal = isRotation ? try await endRotation(context, outcome) : nil
        switch outcome {
        case .ended(let result): try await record(context, result, notRotated: refusal)
        case .unreachable: try await recordUnreachable(context)
        }
    }

    /// An instance that has just been started registers with SSM after a while.
    private func comesOnline(_ context: WorkflowContext) async throws -> Bool {
        do {
            try await context.wait(
                "reachable", deadline: fleet.settings.deadlines.offline, poll: .seconds(5),
                until: {
                    try await !fleet.ssm.online(of: [input.target.instanceID]).isEmpty
                })
            return true
        } catch is WaitTimedOut {
            return false
        }
    }

    /// - Parameter notRotated: why the tenant did not get its new token
    private func record(
        _ context: WorkflowContext, _ result: RedeployResult, notRotated: String?
    ) async throws {
        try await context.transaction("record_result") { transaction in
            let redeploys = RedeployStore(database: transaction)
            if let notRotated, result.errorCode == nil {
                try await redeploys.fail(
                    input.target.redeployID, code: Self.notRotatedCode, message: notRotated)
            }
            try await redeploys.finish(input.target.redeployID, result)
            try await TenantStore(database: transaction).recordImage(
                org: input.target.orgID, input.replacement.service, digest: result.report?.digest)
            try await recordEnd(
                result.phase.rawValue, result.errorCode, digest: result.report?.digest, context, transaction)
        }
    }

    private func recordUnreachable(_ context: WorkflowContext) async throws {
        try await context.transaction("record_unreachable") { transaction in
            try await RedeployStore(database: transaction).fail(
                input.target.redeployID, code: Redeploy.unreachableCode, message: Redeploy.unreachableMessage)
            try await recordEnd("failed", Redeploy.unreachableCode, digest: nil, context, transaction)
        }
    }

    private func recordEnd(
        _ phase: String, _ code: String?, digest: String?, _ context: WorkflowContext,
        _ transaction: Transaction
    ) async throws {
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: "tenant.redeploy_ended", org: input.target.orgID, subject: input.target.slug,
                after: [
                    "redeploy_id": .string(input.target.redeployID.text), "phase": .string(phase),
                    "code": .text(code), "digest": .text(digest),
                ]),
            by: .workflow(Self.kind, id: context.workflowID))
    }
}
