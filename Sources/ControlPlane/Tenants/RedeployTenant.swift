import FoundationEssentials
import Postgres
import TenantProtocol
import Workflows

/// Replaces the tenant's image by another digest, over SSM. The agent on the instance pulls, replaces, judges
/// the new container's health and goes back by itself; the platform sends, watches and records.
struct RedeployTenant: Sendable {
    static let kind = "redeploy_tenant"

    struct Input: Codable, Sendable {
        var redeployID: UUID
        var orgID: UUID
        var slug: String
        var instanceID: String
        /// `registry/repository@sha256:...`
        var image: String
    }

    let platform: Platform
    let input: Input

    /// SSM may take this long to begin and to answer, beside the agent's own deadline.
    static let deliveryMargin: Duration = .seconds(60)

    func run(_ context: WorkflowContext) async throws {
        let commandID = try await send(context)
        let invocation = try await awaitInvocation(context, commandID)
        let isHealthy = try await context.step("check_health") { _ in
            let tenant = try await TenantStore(database: platform.database).require(org: input.orgID)
            return await platform.isHealthyThroughEdge(slug: input.slug, tenant.launch)
        }
        try await record(context, invocation, isHealthy: isHealthy)
    }

    /// SendCommand has no client token: after a crash it may be sent twice. The agent runs one at a time and
    /// answers `unchanged` for a digest that runs already.
    private func send(_ context: WorkflowContext) async throws -> String {
        let deadline = platform.configuration.deadlines.redeploy.components.seconds
        let commandID = try await context.call("send_command") { _ in
            try await platform.ssm.sendCommand(
                instanceIDs: [input.instanceID],
                commands: [AgentCommand.redeploy(image: input.image, deadlineSeconds: Int(deadline))],
                timeoutSeconds: Int(deadline + Self.deliveryMargin.components.seconds),
                comment: "redeploy \(input.redeployID.text)")
        }
        try await context.transaction("record_command") { transaction in
            try await RedeployStore(database: transaction).recordCommand(
                input.redeployID, commandID: commandID)
        }
        return commandID
    }

    private struct Invocation: Codable, Sendable {
        var status: String
        var exitCode: Int?
        var output: String
    }

    private func awaitInvocation(_ context: WorkflowContext, _ commandID: String) async throws -> Invocation {
        let deadline = platform.configuration.deadlines.redeploy + Self.deliveryMargin * 2
        return try await context.wait("invocation", deadline: deadline, poll: .seconds(1)) {
            let invocation = try await platform.ssm.getCommandInvocation(
                commandID: commandID, instanceID: input.instanceID)
            guard let invocation, invocation.isFinished else { return nil }
            return Invocation(
                status: invocation.status, exitCode: invocation.responseCode,
                output: RedeployReport.line(in: invocation.standardOutput) ?? "")
        }
    }

    private func record(
        _ context: WorkflowContext, _ invocation: Invocation, isHealthy: Bool
    ) async throws {
        let result = RedeployResult(
            output: invocation.output, ssmStatus: invocation.status, exitCode: invocation.exitCode,
            isHealthy: isHealthy)
        try await context.transaction("record_result") { transaction in
            try await RedeployStore(database: transaction).finish(input.redeployID, result)
            if let digest = result.report?.digest {
                try await TenantStore(database: transaction).recordImage(org: input.orgID, digest: digest)
            }
        }
    }
}
