import FoundationEssentials
import Postgres
import Workflows

/// Runs the user-data again on a living instance, over SSM: for a boot that got stuck, or a stack that a
/// person has damaged. The boot script is safe to run again; nothing that the tenant stores is touched.
struct RepairTenant: Sendable {
    static let kind = "repair_tenant"
    static let deadline: Duration = .seconds(900)
    /// Systems Manager may not know an instance for a moment: then the command is sent again, so many times.
    private static let rounds = 3
    private static let pause: Duration = .seconds(5)

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var slug: String
        package var instanceID: String

        package init(orgID: UUID, slug: String, instanceID: String) {
            self.orgID = orgID
            self.slug = slug
            self.instanceID = instanceID
        }
    }

    let fleet: FleetContext
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        let status = try await runUserData(context)
        guard status == "Success" else {
            throw PermanentFailure(
                code: "user_data_failed",
                message: "The user-data ran again and ended as \(status). Look at the tenant's console.")
        }
        let launch = try await TenantStore(database: fleet.database).require(org: input.orgID).launch
        try await context.wait(
            "healthy", deadline: fleet.settings.deadlines.healthy, poll: .seconds(1),
            until: { await fleet.isHealthyThroughEdge(slug: input.slug, launch) })
    }

    /// - Returns: the command's end, in SSM's words.
    private func runUserData(_ context: WorkflowContext) async throws -> String {
        let command = GroupCommand(
            fleet: fleet, command: AgentCommand.userData,
            limitSeconds: Int(Self.deadline.components.seconds), comment: "repair \(input.orgID.text)")
        for round in 0..<Self.rounds {
            let name = round == 0 ? "" : "_\(round)"
            if round > 0 { try await context.sleep("pause\(name)", Self.pause) }
            if let answers = try await command.run(context, name, on: [input.instanceID]) {
                return (answers[input.instanceID] ?? .none).status
            }
        }
        throw PermanentFailure(
            code: Redeploy.unreachableCode,
            message:
                "Systems Manager cannot reach the instance, so nothing was sent to it. Look at its agent "
                + "and its route out, then order the repair again.")
    }
}
