import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// How a rollout ends: to the end, stopped, or undone.
extension RunRollout {
    func origin(_ context: WorkflowContext) -> RequestOrigin {
        .workflow(Self.kind, id: context.workflowID)
    }

    /// Every wave has passed.
    /// - Returns: false when a person has asked for a rollback since the last one did.
    func complete(_ context: WorkflowContext) async throws -> Bool {
        try await context.transaction("complete") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            guard !rollout.isRollbackRequested else { return false }
            let tally = try await tenants.tally()
            let left = tally.count([.failed, .rolledBack, .untouched]) + tally.count(.unhealthy)
            let isWhole = left == 0
            if isWhole, let channel = rollout.channel, let digest = rollout.digest,
                rollout.service == .tenant
            {
                try await ReleaseStore(database: transaction).set(
                    channel, digest: digest, targetTag: rollout.targetTag)
                try await AuditLog(database: transaction).record(
                    AuditEvent(action: "channel.set", subject: channel, after: ["digest": .string(digest)]),
                    by: origin(context))
            }
            try await tenants.close()
            try await rollouts.set(
                rollout.id, isWhole ? .succeeded : .incomplete, code: isWhole ? nil : "incomplete",
                reason: isWhole ? nil : "\(left) tenants do not run the image as they should.",
                by: origin(context))
            return true
        }
    }

    func end(_ context: WorkflowContext, _ rollout: Rollout, _ stop: Stop) async throws {
        switch stop {
        case .rollback: return try await rollBack(context, rollout, wave: nil)
        case .abort:
            return try await close(
                context, .aborted, "aborted", "It was aborted; what was updated by then stays so.")
        case .failures: break
        }
        let (code, reason, scope) = try await afterFailures(context, rollout)
        guard let scope else { return try await close(context, .failed, code, reason) }
        try await rollBack(context, rollout, wave: scope.wave)
    }

    private struct Scope: Codable, Sendable { var wave: Int? }
    private struct Consequence: Codable, Sendable {
        var code: String
        var reason: String
        var scope: Scope?
    }

    /// What the settings want undone, unless that would be a second time within a day.
    private func afterFailures(
        _ context: WorkflowContext, _ rollout: Rollout
    ) async throws -> (String, String, Scope?) {
        let consequence = try await context.transaction("after_failures") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let latest = try await rollouts.lock(rollout.id)
            let tally = try await tenants.tally()
            let reason =
                "\(tally.failures) of \(tally.attempted) attempted tenants failed in wave "
                + "\(latest.wave) or before; the others were not begun."
            var consequence = Consequence(code: "too_many_failures", reason: reason)
            guard rollout.settings.rollback != .none, let digest = rollout.digest else { return consequence }
            if try await rollouts.rolledBack(digest: digest, except: rollout.id) != nil {
                consequence.code = "rollback_refused"
                consequence.reason +=
                    " It is not rolled back by itself: a rollout of this image was rolled "
                    + "back within the last day already."
            } else {
                consequence.scope = Scope(wave: rollout.settings.rollback == .wave ? latest.wave : nil)
            }
            return consequence
        }
        return (consequence.code, consequence.reason, consequence.scope)
    }

    private func close(
        _ context: WorkflowContext, _ state: Rollout.State, _ code: String, _ reason: String
    ) async throws {
        try await context.transaction("close") { transaction in
            let (rollouts, tenants) = stores(transaction)
            _ = try await rollouts.lock(input.rolloutID)
            try await tenants.close()
            try await rollouts.set(input.rolloutID, state, code: code, reason: reason, by: origin(context))
        }
    }

    // MARK: Undoing

    /// Fast: no canary, no soak, and every batch as large as SSM takes.
    static let revertConcurrency = 10

    func rollBack(_ context: WorkflowContext, _ rollout: Rollout, wave: Int?) async throws {
        guard let digest = rollout.digest else {
            return try await close(
                context, .failed, "nothing_to_roll_back",
                "A refresh of the settings has no image to go "
                    + "back to.")
        }
        try await context.transaction("begin_rollback") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let latest = try await rollouts.lock(rollout.id)
            let count = try await tenants.revert(wave: wave, digest: digest)
            try await rollouts.set(
                rollout.id, .rollingBack, code: latest.reasonCode, reason: "\(count) tenants go back.",
                by: origin(context))
            try await rollouts.enter(rollout.id, .rollingBack, wave: latest.wave)
        }
        try await context.wait(
            "rolled_back", deadline: Self.patience, poll: Self.poll, until: { try await revert(context) })
        try await endRollback(context)
    }

    private func revert(_ context: WorkflowContext) async throws -> Bool {
        var isOver = false
        try await context.fenced { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            _ = try await tenants.giveUpOffline(afterSeconds: rollout.settings.offlineSeconds)
            let tally = try await tenants.tally()
            isOver = tally.count([.reverting]) == 0
            var live = tally.liveBatches
            while live < Self.revertConcurrency,
                let batch = try await tenants.takeRevertBatch(size: GroupCommand.maximumInstances)
            {
                try await Rollouts(fleet: fleet).startBatch(rollout, batch, in: transaction)
                live += 1
            }
        }
        return isOver
    }

    private func endRollback(_ context: WorkflowContext) async throws {
        try await context.transaction("end_rollback") { transaction in
            let (rollouts, tenants) = stores(transaction)
            let rollout = try await rollouts.lock(input.rolloutID)
            let stuck = try await tenants.stillOn(digest: rollout.digest ?? "")
            let kept = try await tenants.tally().count([.updated])
            try await tenants.close()
            if stuck == 0 {
                try await rollouts.set(
                    rollout.id, .rolledBack, code: "rolled_back",
                    reason: kept == 0
                        ? "No tenant is left on the image."
                        : "\(kept) tenants of earlier waves keep the image.",
                    by: origin(context))
            } else {
                try await rollouts.set(
                    rollout.id, .failed, code: "rollback_incomplete",
                    reason: "\(stuck) tenants could not be brought back. Look at each, and redeploy it.",
                    by: origin(context))
            }
        }
    }

    /// A wave that did not end in a week has nobody who waits for it.
    func giveUp(_ context: WorkflowContext, _ timeout: WaitTimedOut) async throws {
        try await close(
            context, .failed, "deadline_exceeded",
            "It waited for \(timeout.name) for \(Int(Self.patience.components.seconds / 86_400)) days.")
    }
}

extension Rollouts {
    /// A rollout that has ended is undone.
    /// - Throws: `rollout_in_progress` (409) when one of its tenants is in another by now.
    package func startRollback(
        _ rollout: Rollout, by origin: RequestOrigin, in transaction: Transaction
    ) async throws {
        let rows = try await transaction.query(
            """
            SELECT other.rollout_id FROM rollout_tenants mine JOIN rollout_tenants other
                ON other.org_id = mine.org_id AND other.is_open AND other.rollout_id <> mine.rollout_id
            WHERE mine.rollout_id = \(rollout.id) LIMIT 1
            """)
        if let row = rows.first {
            throw AppError(
                .conflict, "rollout_in_progress",
                "One of its tenants is in another rollout that has not ended. Wait for it, or abort it.",
                members: ["rollout_id": try row["rollout_id", as: UUID.self].text])
        }
        try await RolloutStore(database: transaction).set(
            rollout.id, .rollingBack, code: "rollback", reason: "An operator rolls it back.",
            by: origin)
        _ = try await engine.start(
            RunRollout.kind, subject: rollout.id.text,
            input: RunRollout.Input(rolloutID: rollout.id, isRollback: true), in: transaction)
    }

    /// A rollout that cannot go on lets its tenants go. Batches under way end by themselves.
    func endRollout(
        _ input: RunRollout.Input, _ failure: WorkflowFailure, _ transaction: Transaction
    ) async throws {
        let rollouts = RolloutStore(database: transaction)
        _ = try await rollouts.lock(input.rolloutID)
        try await RolloutTenantStore(database: transaction, rolloutID: input.rolloutID).close()
        try await rollouts.set(
            input.rolloutID, .failed, code: failure.code, reason: failure.message,
            by: .workflow(RunRollout.kind))
    }
}
