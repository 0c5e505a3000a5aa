import FoundationEssentials
import Postgres
import TenantProtocol
import Workflows

/// Asks the tenants of one batch how they have fared since their redeploy, by one SSM command.
struct ObserveBatch: Sendable {
    static let kind = "rollout_observation"
    /// For the agent's answer.
    static let limitSeconds = 60

    package struct Input: Codable, Sendable {
        package var rolloutID: UUID
        package var batch: Int
        package var wave: Int

        package init(rolloutID: UUID, batch: Int, wave: Int) {
            self.rolloutID = rolloutID
            self.batch = batch
            self.wave = wave
        }
    }

    let fleet: FleetContext
    let input: Input

    private struct Target: Codable, Sendable {
        var orgID: UUID
        var slug: String
        var instanceID: String?
    }

    func run(_ context: WorkflowContext) async throws {
        let targets = try await context.transaction("targets") { try await readTargets($0) }
        let answers = try await answers(context, targets)
        let healthy = try await context.step("edge") { _ in try await healthyThroughEdge(targets) }
        try await context.transaction("judge") { transaction in
            let rollout = try await RolloutStore(database: transaction).lock(input.rolloutID)
            for target in targets {
                try await judge(
                    target, rollout, target.instanceID.flatMap { answers[$0] },
                    healthy.contains(target.slug), in: transaction)
            }
            try await fleet.engine.wake(subject: rollout.id.text, in: transaction)
        }
    }

    private func readTargets(_ transaction: Transaction) async throws -> [Target] {
        let rows = try await RolloutTenantStore(database: transaction, rolloutID: input.rolloutID)
            .batch(input.batch).filter { $0.verdict == .pending }
        var targets: [Target] = []
        for row in rows {
            let tenant = try await TenantStore(database: transaction).find(org: row.orgID)
            targets.append(Target(orgID: row.orgID, slug: row.slug, instanceID: tenant?.instanceID))
        }
        return targets
    }

    /// An instance can go away between the look and the command: then the look is repeated, so many times.
    private static let rounds = 3
    private static let secondLookAfter: Duration = .seconds(2)

    private func answers(
        _ context: WorkflowContext, _ targets: [Target]
    ) async throws -> [String: GroupCommand.Answer] {
        let command = GroupCommand(
            fleet: fleet, command: AgentCommand.observe, limitSeconds: Self.limitSeconds,
            comment: "observe \(input.rolloutID.text)")
        for round in 0..<Self.rounds {
            let online = try await online(round, targets.compactMap(\.instanceID), context)
            guard !online.isEmpty else { return [:] }
            if let answers = try await command.run(context, "_\(round)", on: online) { return answers }
        }
        return [:]
    }

    /// A list can lack an instance for a moment, and a tenant that is not asked pauses its rollout: who is
    /// missing is looked for once more.
    private func online(
        _ round: Int, _ ids: [String], _ context: WorkflowContext
    ) async throws -> [String] {
        let online = try await context.call("online_\(round)") { _ in
            try await fleet.ssm.online(of: ids)
        }
        guard online.count < ids.count else { return online }
        try await context.sleep("unseen_\(round)", Self.secondLookAfter)
        return try await context.call("online_again_\(round)") { _ in
            try await fleet.ssm.online(of: ids)
        }
    }

    /// One request that the edge drops says nothing about a tenant: who does not answer is asked again.
    private func healthyThroughEdge(_ targets: [Target]) async throws -> Set<String> {
        var left = Dictionary(targets.map { ($0.orgID, $0.slug) }) { first, _ in first }
        var healthy: Set<String> = []
        for _ in 0..<Self.rounds where !left.isEmpty {
            healthy.formUnion(try await fleet.healthyThroughEdge(left))
            left = left.filter { !healthy.contains($0.value) }
        }
        return healthy
    }

    private func judge(
        _ target: Target, _ rollout: Rollout, _ answer: GroupCommand.Answer?, _ isHealthy: Bool,
        in transaction: Transaction
    ) async throws {
        let observation = answer.flatMap {
            try? JSONDecoder().decode(HealthObservation.self, from: Data($0.line.utf8))
        }
        let judgement =
            observation.map {
                Judgement(
                    $0, digest: rollout.service == .tenant ? rollout.digest : nil,
                    isHealthyThroughEdge: isHealthy, soakSeconds: rollout.settings.soak(wave: input.wave))
            } ?? .unobserved
        try await RolloutTenantStore(database: transaction, rolloutID: rollout.id).judge(
            target.orgID, judgement.verdict, code: judgement.code, reason: judgement.reason)
        guard judgement.verdict != .healthy else { return }
        try await RolloutStore(database: transaction).note(
            rollout.id, judgement.verdict.rawValue, wave: input.wave, slug: target.slug,
            detail: judgement.reason)
    }
}

extension Rollouts {
    func startObservation(
        _ rollout: Rollout, _ batch: Int, wave: Int, in transaction: Transaction
    ) async throws {
        _ = try await engine.start(
            ObserveBatch.kind, subject: "\(rollout.id.text)/\(batch)",
            input: ObserveBatch.Input(rolloutID: rollout.id, batch: batch, wave: wave), in: transaction)
    }

    /// Whoever could not be asked is not judged.
    func endObservation(
        _ input: ObserveBatch.Input, _ failure: WorkflowFailure, _ transaction: Transaction
    ) async throws {
        let rollout = try await RolloutStore(database: transaction).lock(input.rolloutID)
        let tenants = RolloutTenantStore(database: transaction, rolloutID: rollout.id)
        for row in try await tenants.batch(input.batch) where row.verdict == .pending {
            try await tenants.judge(
                row.orgID, .inconclusive, code: failure.code, reason: failure.message)
        }
        try await engine.wake(subject: rollout.id.text, in: transaction)
    }
}
