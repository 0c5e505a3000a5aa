import FoundationEssentials
import Postgres
import Workflows

/// Runs the user-data again on a living instance, over SSM: for a boot that got stuck, or a stack that a
/// person has damaged. The boot script is safe to run again; nothing that the tenant stores is touched.
struct RepairTenant: Sendable {
    static let kind = "repair_tenant"
    static let deadline: Duration = .seconds(900)

    struct Input: Codable, Sendable {
        var orgID: UUID
        var slug: String
        var instanceID: String
    }

    let platform: Platform
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        let seconds = Int(Self.deadline.components.seconds)
        let commandID = try await context.call("send_command") { _ in
            try await platform.ssm.sendCommand(
                instanceIDs: [input.instanceID], commands: [AgentCommand.userData], timeoutSeconds: seconds,
                comment: "repair \(input.orgID.text)")
        }
        let status = try await context.wait(
            "user_data_ended", deadline: Self.deadline + RedeployTenant.deliveryMargin, poll: .seconds(1)
        ) {
            let invocation = try await platform.ssm.getCommandInvocation(
                commandID: commandID, instanceID: input.instanceID)
            return invocation.flatMap { $0.isFinished ? $0.status : nil }
        }
        guard status == "Success" else {
            throw PermanentFailure(
                code: "user_data_failed",
                message: "The user-data ran again and ended as \(status). Look at the tenant's console.")
        }
        let launch = try await TenantStore(database: platform.database).require(org: input.orgID).launch
        try await context.wait(
            "healthy", deadline: platform.configuration.deadlines.healthy, poll: .seconds(1),
            until: { await platform.isHealthyThroughEdge(slug: input.slug, launch) })
    }
}
