import FoundationEssentials
import Postgres
import Workflows

/// A rollout from its first wave to its end. What is to be done next stands in the tables; this function only
/// moves on from wave to wave, and looks again whenever a batch has ended or a person has said something.
struct RunRollout: Sendable {
    static let kind = "rollout"

    package struct Input: Codable, Sendable {
        package var rolloutID: UUID
        /// A rollout that had ended is undone.
        var isRollback: Bool?

        package init(rolloutID: UUID, isRollback: Bool? = nil) {
            self.rolloutID = rolloutID
            self.isRollback = isRollback
        }
    }

    let fleet: FleetContext
    let input: Input

    /// Longer than this no wave may take, with all that it was paused.
    static let patience: Duration = .seconds(7 * 86_400)
    static let poll: Duration = .seconds(5)

    func run(_ context: WorkflowContext) async throws {
        let rollout = try await load()
        do {
            if input.isRollback == true { return try await rollBack(context, rollout, wave: nil) }
            // Behind the planned waves come those that were offline.
            for wave in 0...rollout.waves {
                if let stop = try await pass(context, rollout, wave) {
                    return try await end(context, rollout, stop)
                }
            }
            let isOver = try await complete(context)
            if !isOver { try await rollBack(context, rollout, wave: nil) }
        } catch let timeout as WaitTimedOut {
            try await giveUp(context, timeout)
        }
    }

    func load() async throws -> Rollout {
        guard let rollout = try await RolloutStore(database: fleet.database).find(input.rolloutID) else {
            throw PermanentFailure(code: "rollout_gone", message: "The rollout's rows are gone.")
        }
        return rollout
    }

    // MARK: A wave

    /// Why no further wave may begin.
    enum Stop: String, Codable, Sendable {
        case abort, rollback
        /// The failure budget is used up.
        case failures
    }

    /// - Returns: nil when the next wave may begin.
    private func pass(_ context: WorkflowContext, _ rollout: Rollout, _ wave: Int) async throws -> Stop? {
        let size = try await begin(context, wave)
        guard size > 0 else { return nil }
        try await context.wait(
            "redeployed_\(wave)", deadline: Self.patience, poll: Self.poll,
            until: { try await redeploy(context, wave) })
        if let stop = try await stop(context, "after_redeploys_\(wave)", wave) { return stop }
        try await soak(context, rollout, wave)
        return try await judge(context, wave)
    }

    /// - Returns: how many tenants the wave has.
    private func begin(_ context: WorkflowContext, _ wave: Int) async throws -> Int {
        try await context.transaction("begin_\(wave)") { transaction in
            let (rollouts, tenants) = stores(transaction)
            _ = try await rollouts.lock(input.rolloutID)
            let size = try await tenants.tally().size(of: wave)
            if size > 0 { try await rollouts.enter(input.rolloutID, .redeploying, wave: wave) }
            return size
        }
    }

    /// Begins as many batches as there is room for.
    /// - Returns: whether the wave's redeploys have ended, or must not go on.
    private func redeploy(_ context: WorkflowContext, _ wave: Int) async throws -> Bool {
        var isOver = false
        try await context.fenced { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            try await giveUpOffline(rollout, wave, rollouts, tenants)
            let tally = try await tenants.tally()
            if mustStop(rollout, tally, wave) != nil {
                isOver = tally.count([.updating]) == 0
                return
            }
            isOver = tally.count([.pending, .updating], wave: wave) == 0
            guard rollout.state == .running else { return }
            var live = tally.liveBatches
            while live < rollout.settings.concurrency,
                let batch = try await tenants.takeBatch(wave: wave, size: rollout.settings.batchSize)
            {
                try await Rollouts(fleet: fleet).startBatch(rollout, batch, in: transaction)
                live += 1
            }
        }
        return isOver
    }

    /// Only behind the planned waves is anybody waited for.
    private func giveUpOffline(
        _ rollout: Rollout, _ wave: Int, _ rollouts: RolloutStore, _ tenants: RolloutTenantStore
    ) async throws {
        guard wave == rollout.waves else { return }
        for slug in try await tenants.giveUpOffline(afterSeconds: rollout.settings.offlineSeconds) {
            try await rollouts.note(
                rollout.id, RolloutTenant.Outcome.untouched.rawValue, wave: wave, slug: slug,
                detail: Redeploy.unreachableCode)
        }
    }

    private func mustStop(_ rollout: Rollout, _ tally: RolloutTally, _ wave: Int) -> Stop? {
        if rollout.isRollbackRequested { return .rollback }
        if rollout.isAbortRequested { return .abort }
        let tolerated = rollout.settings.toleratedFailures(wave: wave, attempted: tally.attempted)
        return tally.failures > tolerated ? .failures : nil
    }

    /// Recorded, so that a later run of this function takes the same way.
    private func stop(_ context: WorkflowContext, _ name: String, _ wave: Int) async throws -> Stop? {
        struct Decision: Codable, Sendable { var stop: Stop? }
        return try await context.transaction(name) { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            return Decision(stop: mustStop(rollout, try await tenants.tally(), wave))
        }.stop
    }

    private func soak(_ context: WorkflowContext, _ rollout: Rollout, _ wave: Int) async throws {
        let seconds = rollout.settings.soak(wave: wave)
        guard seconds > 0 else { return }
        try await context.transaction("begin_soak_\(wave)") { transaction in
            let rollouts = RolloutStore(database: transaction)
            _ = try await rollouts.lock(input.rolloutID)
            try await rollouts.enter(input.rolloutID, .soaking, wave: wave, soakSeconds: seconds)
        }
        try await context.wait(
            "soaked_\(wave)", deadline: Self.patience, poll: .seconds(max(1, min(15, seconds / 4))),
            until: { try await hasSoaked(wave) })
    }

    private func hasSoaked(_ wave: Int) async throws -> Bool {
        let rows = try await fleet.database.query(
            """
            SELECT abort_requested OR rollback_requested OR promoted_wave >= \(wave)
                OR state = 'running' AND soak_until <= now() AS is_over
            FROM rollouts WHERE id = \(input.rolloutID)
            """)
        return try rows.first?["is_over", as: Bool.self] ?? true
    }

    func stores(_ transaction: Transaction) -> (RolloutStore, RolloutTenantStore) {
        (
            RolloutStore(database: transaction),
            RolloutTenantStore(database: transaction, rolloutID: input.rolloutID)
        )
    }
}

// MARK: - Judging

extension RunRollout {
    private enum Ruling: Codable, Sendable {
        case passed
        case stopped(Stop)
        /// Some tenants could not be judged: a person decides, or the next look.
        case inconclusive
    }

    /// Asks every tenant of the wave how it fares, until there is a verdict or a person has decided.
    private func judge(_ context: WorkflowContext, _ wave: Int) async throws -> Stop? {
        for round in 0... {
            let name = "\(wave)_\(round)"
            try await askTenants(context, wave, name, again: round > 0)
            try await context.wait(
                "observed_\(name)", deadline: Self.patience, poll: Self.poll,
                until: {
                    let tenants = RolloutTenantStore(database: fleet.database, rolloutID: input.rolloutID)
                    return try await tenants.tally().count(.pending, wave: wave) == 0
                })
            switch try await rule(context, wave, name) {
            case .passed: return nil
            case .stopped(let stop): return stop
            case .inconclusive:
                try await context.wait(
                    "resumed_\(name)", deadline: Self.patience, poll: Self.poll,
                    until: { try await load().state != .paused })
            }
        }
        return nil
    }

    private func askTenants(
        _ context: WorkflowContext, _ wave: Int, _ name: String, again: Bool
    ) async throws {
        try await context.transaction("ask_\(name)") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            if rollout.isPromoted(past: wave) { return }
            try await rollouts.enter(input.rolloutID, .judging, wave: wave)
            for batch in try await tenants.askForVerdicts(wave: wave, again: again) {
                try await Rollouts(fleet: fleet).startObservation(rollout, batch, wave: wave, in: transaction)
            }
        }
    }

    private func rule(_ context: WorkflowContext, _ wave: Int, _ name: String) async throws -> Ruling {
        try await context.transaction("rule_\(name)") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            let tally = try await tenants.tally()
            if let stop = mustStop(rollout, tally, wave) { return .stopped(stop) }
            let unknown = tally.count(.inconclusive, wave: wave)
            let tolerated = rollout.settings.toleratedFailures(wave: wave, attempted: tally.attempted)
            guard unknown > 0, unknown + tally.failures > tolerated, !rollout.isPromoted(past: wave) else {
                return .passed
            }
            try await rollouts.set(
                input.rolloutID, .paused, code: "inconclusive",
                reason: "\(unknown) tenants of wave \(wave) could not be judged. Resume to look again, "
                    + "promote to go on without a verdict, or abort or roll back.",
                by: origin(context))
            return .inconclusive
        }
    }
}
