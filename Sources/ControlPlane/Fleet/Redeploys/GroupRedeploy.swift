import FoundationEssentials
import Postgres
import TenantProtocol
import Workflows

/// The same replacement on up to 50 instances. Each agent pulls, replaces, judges the new container's health
/// and goes back by itself; the platform sends, watches, and asks every tenant for its health through the
/// edge.
package struct GroupRedeploy: Sendable {
    package struct Target: Codable, Sendable {
        var redeployID: UUID
        package var orgID: UUID
        package var slug: String
        package var instanceID: String

        package init(redeployID: UUID, orgID: UUID, slug: String, instanceID: String) {
            self.redeployID = redeployID
            self.orgID = orgID
            self.slug = slug
            self.instanceID = instanceID
        }
    }

    package enum Outcome: Sendable {
        /// SSM cannot command the instance: nothing was sent to it.
        case unreachable
        case ended(RedeployResult)
    }

    package let fleet: FleetContext
    package let replacement: Replacement
    /// Under which every instance redeploys once.
    package let id: String

    /// How often a busy agent is asked, and how long between: for as long as a redeploy may take.
    private static let busyPause: Duration = .seconds(10)
    private var maximumRounds: Int { replacement.limitSeconds / Int(Self.busyPause.components.seconds) + 2 }

    /// - Returns: by organisation, one for each target.
    package func run(_ context: WorkflowContext, _ targets: [Target]) async throws -> [UUID: Outcome] {
        let answers = try await command(context, targets)
        let reported = targets.filter { answers[$0.orgID].map(reportsHealth) ?? false }
        let healthy = try await healthyThroughEdge(context, reported)
        return Dictionary(
            uniqueKeysWithValues: targets.map { target in
                guard let answer = answers[target.orgID] else { return (target.orgID, .unreachable) }
                let result = RedeployResult(answer, isHealthy: healthy.contains(target.slug))
                return (target.orgID, .ended(result))
            })
    }

    private func reportsHealth(_ answer: GroupCommand.Answer) -> Bool {
        RedeployResult(answer, isHealthy: true).report?.healthy == true
    }

    // MARK: The command

    /// - Returns: by organisation; none for those that cannot be reached.
    private func command(
        _ context: WorkflowContext, _ targets: [Target]
    ) async throws -> [UUID: GroupCommand.Answer] {
        var answers: [UUID: GroupCommand.Answer] = [:]
        var left = targets
        for round in 0..<maximumRounds where !left.isEmpty {
            let name = round == 0 ? "" : "_\(round)"
            if round > 0 { try await context.sleep("pause\(name)", Self.busyPause) }
            let online = try await online(context, name, left)
            // Unreachable in the first round: told so. Later it is busy, and has gone away.
            if round == 0 { left = online }
            guard !online.isEmpty, let ended = try await send(context, name, online) else { continue }
            for target in online {
                if let answer = ended[target.instanceID], answer.wasDelivered || round > 0 {
                    answers[target.orgID] = answer
                }
            }
            left = online.filter { answers[$0.orgID].map(isBusy) ?? false }
        }
        return answers
    }

    private func isBusy(_ answer: GroupCommand.Answer) -> Bool {
        RedeployResult(answer, isHealthy: true).report?.code == .busy
    }

    /// One look that does not show an instance says little: it is looked for again, for so long.
    private static let lookAgain: Duration = .seconds(2)

    private func online(
        _ context: WorkflowContext, _ name: String, _ targets: [Target]
    ) async throws -> [Target] {
        let ids = targets.map(\.instanceID)
        let online: [String]
        do {
            online = try await context.wait("online\(name)", deadline: Self.lookAgain, poll: .seconds(1)) {
                let online = try await fleet.ssm.online(of: ids)
                return online.count == ids.count ? online : nil
            }
        } catch is WaitTimedOut {
            online = try await context.call("last_online\(name)") { _ in
                try await fleet.ssm.online(of: ids)
            }
        }
        return targets.filter { online.contains($0.instanceID) }
    }

    private func send(
        _ context: WorkflowContext, _ name: String, _ targets: [Target]
    ) async throws -> [String: GroupCommand.Answer]? {
        let command = GroupCommand(
            fleet: fleet, command: AgentCommand.redeploy(replacement, id: id),
            limitSeconds: replacement.limitSeconds, comment: "redeploy \(id)")
        return try await command.run(context, name, on: targets.map(\.instanceID)) { commandID, transaction in
            try await RedeployStore(database: transaction).recordCommand(
                targets.map(\.redeployID), commandID: commandID)
        }
    }

    // MARK: Health

    /// One request that the edge drops says nothing about the tenant.
    private static let healthPatience: Duration = .seconds(30)

    /// - Returns: slugs.
    private func healthyThroughEdge(
        _ context: WorkflowContext, _ targets: [Target]
    ) async throws -> Set<String> {
        guard !targets.isEmpty else { return [] }
        let slugs = Set(targets.map(\.slug))
        do {
            try await context.wait(
                "healthy", deadline: Self.healthPatience, poll: .seconds(1),
                until: { try await healthyNow(targets) == slugs })
            return slugs
        } catch is WaitTimedOut {
            return try await context.step("healthy_at_last") { _ in try await healthyNow(targets) }
        }
    }

    private func healthyNow(_ targets: [Target]) async throws -> Set<String> {
        let slugs = targets.map { ($0.orgID, $0.slug) }
        return try await fleet.healthyThroughEdge(Dictionary(slugs) { first, _ in first })
    }
}
