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
        let command = GroupCommand(
            platform: platform, command: AgentCommand.userData,
            limitSeconds: Int(Self.deadline.components.seconds), comment: "repair \(input.orgID.text)")
        guard let answers = try await command.run(context, "", on: [input.instanceID]) else {
            throw PermanentFailure(code: Redeploy.unreachableCode, message: Redeploy.unreachableMessage)
        }
        let status = answers[input.instanceID]?.status ?? GroupCommand.Answer.none.status
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
