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
        let invocation = try await replaceImage(context)
        let isHealthy = try await becomesHealthy(context)
        try await record(context, invocation, isHealthy: isHealthy)
    }

    /// How often a busy agent is asked, and how long between: for as long as a redeploy may take.
    private static let busyPause: Duration = .seconds(10)
    private var maximumRounds: Int { Int(platform.configuration.deadlines.redeploy / Self.busyPause) + 1 }

    /// SendCommand has no client token: after a crash or a lost answer it is sent twice. The agent runs one
    /// at a time, so the second may find the first at work: asked again it answers `unchanged`.
    private func replaceImage(_ context: WorkflowContext) async throws -> Invocation {
        var invocation = try await command(context, round: "")
        for round in 1..<max(2, maximumRounds) where invocation.isBusy {
            try await context.sleep("busy_\(round)", Self.busyPause)
            invocation = try await command(context, round: "_\(round)")
        }
        return invocation
    }

    /// - Parameter round: sets its steps apart from those of other rounds.
    private func command(_ context: WorkflowContext, round: String) async throws -> Invocation {
        try await awaitInvocation(context, try await send(context, round), round)
    }

    private func send(_ context: WorkflowContext, _ round: String) async throws -> String {
        let deadline = platform.configuration.deadlines.redeploy.components.seconds
        let commandID = try await context.call("send_command\(round)") { _ in
            try await platform.ssm.sendCommand(
                instanceIDs: [input.instanceID],
                commands: [AgentCommand.redeploy(image: input.image, deadlineSeconds: Int(deadline))],
                timeoutSeconds: Int(deadline + Self.deliveryMargin.components.seconds),
                comment: "redeploy \(input.redeployID.text)")
        }
        try await context.transaction("record_command\(round)") { transaction in
            try await RedeployStore(database: transaction).recordCommand(
                input.redeployID, commandID: commandID)
        }
        return commandID
    }

    /// One request that the edge drops says nothing about the tenant.
    private static let healthPatience: Duration = .seconds(30)

    private func becomesHealthy(_ context: WorkflowContext) async throws -> Bool {
        do {
            try await context.wait(
                "healthy", deadline: Self.healthPatience, poll: .seconds(1),
                until: {
                    let tenant = try await TenantStore(database: platform.database).require(org: input.orgID)
                    return await platform.isHealthyThroughEdge(slug: input.slug, tenant.launch)
                })
            return true
        } catch is WaitTimedOut {
            return false
        }
    }

    private struct Invocation: Codable, Sendable {
        var status: String
        var exitCode: Int?
        var output: String

        var isBusy: Bool {
            RedeployResult(output: output, ssmStatus: status, exitCode: exitCode, isHealthy: true)
                .report?.code == .busy
        }
    }

    private func awaitInvocation(
        _ context: WorkflowContext, _ commandID: String, _ round: String
    ) async throws -> Invocation {
        let deadline = platform.configuration.deadlines.redeploy + Self.deliveryMargin * 2
        return try await context.wait("invocation\(round)", deadline: deadline, poll: .seconds(1)) {
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
