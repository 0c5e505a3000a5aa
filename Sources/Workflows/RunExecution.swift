import Logging
import Postgres

extension WorkflowEngine {
    private enum Outcome {
        case succeeded
        case failed(WorkflowFailure)
        case suspended(Suspension)
    }

    /// How often a run is tried again after errors outside of its steps.
    private static let runRetry = RetryPolicy(attempts: 20)

    /// Runs the function once, and records how that ended. If the database stays away for longer than the
    /// lease lasts there is nothing to record: the lease runs out, and another run takes over.
    /// - Returns: when it is due again, if it was put away.
    func execute(
        _ claimed: ClaimedWorkflow, _ context: WorkflowContext, _ handler: Handler
    ) async -> Duration? {
        let outcome = await outcome(claimed, context, handler)
        let logger = logger.with(claimed)
        // The run's task may be cancelled; its outcome must be recorded all the same.
        return await Task {
            let deadline = time.now() + configuration.lease
            while true {
                do {
                    let due = try await record(outcome, claimed, context, handler)
                    logger.debug("workflow run ended", metadata: ["outcome": "\(outcome)"])
                    return due
                } catch let error as PostgresError where error.isConnectionFailure && time.now() < deadline {
                    try? await time.sleep(.milliseconds(100))
                } catch Suspension.leaseLost {
                    logger.warning("workflow run lost its lease")
                    return nil
                } catch {
                    logger.error("cannot record how a workflow run ended", metadata: ["error": "\(error)"])
                    return await putAway(claimed, error)
                }
            }
        }.value
    }

    private func outcome(
        _ claimed: ClaimedWorkflow, _ context: WorkflowContext, _ handler: Handler
    ) async -> Outcome {
        if claimed.cancelRequested { return .suspended(.cancelled) }
        do {
            try await context.load()
            try await handler.run(context, claimed.input)
            return context.suspension.map { .suspended($0) } ?? .succeeded
        } catch {
            if let suspension = context.suspension { return .suspended(suspension) }
            return await classified(error, claimed)
        }
    }

    private func classified(_ error: any Error, _ claimed: ClaimedWorkflow) async -> Outcome {
        switch error {
        case let failure as PermanentFailure:
            return .failed(WorkflowFailure(code: failure.code, message: failure.message))
        case let timeout as WaitTimedOut:
            return .failed(WorkflowFailure(code: WaitTimedOut.code, message: "\(timeout)"))
        case let suspension as Suspension: return .suspended(suspension)
        case is WorkflowCancelled: return .suspended(.cancelled)
        case _ where Task.isCancelled: return .suspended(.released)
        default: return await retried(error, claimed)
        }
    }

    private func retried(_ error: any Error, _ claimed: ClaimedWorkflow) async -> Outcome {
        let text = boundedText(error)
        let transient =
            (error as? PostgresError).map { $0.isConnectionFailure || $0.isPoolExhausted } ?? false
        let failures = transient ? 1 : (try? await store.noteFailure(claimed.lease, text)) ?? 1
        guard Self.runRetry.allowsAnother(afterFailures: failures, elapsed: .zero) else {
            return .failed(WorkflowFailure(code: "retries_exhausted", message: text))
        }
        var generator = time.generator
        let delay = Self.runRetry.delay(afterFailures: failures, using: &generator)
        return .suspended(.snoozed(Snooze(delay: delay, name: "retry", wakeable: false)))
    }

    private func record(
        _ outcome: Outcome, _ claimed: ClaimedWorkflow, _ context: WorkflowContext, _ handler: Handler
    ) async throws -> Duration? {
        switch outcome {
        case .succeeded:
            let hasEnded = try await store.succeed(
                claimed.lease, unlessWokenSince: context.endsUnlessWokenSince)
            return hasEnded ? nil : .zero
        case .failed(let failure):
            try await store.fail(claimed.lease, failure) { transaction in
                try await handler.onFailure(claimed.input, failure, transaction)
            }
            logger.with(claimed).warning("workflow failed", metadata: ["code": "\(failure.code)"])
        case .suspended(.snoozed(let snooze)):
            return try await store.snooze(claimed.lease, snooze, wakes: context.seenWakes)
        case .suspended(.released): try await store.release(claimed.lease)
        case .suspended(.cancelled): try await store.cancelled(claimed.lease)
        case .suspended(.leaseLost): throw Suspension.leaseLost
        }
        return nil
    }

    /// After `onFailure` failed: the same run again later, for as long as it takes.
    private func putAway(_ claimed: ClaimedWorkflow, _ error: any Error) async -> Duration? {
        let failures = (try? await store.noteFailure(claimed.lease, boundedText(error))) ?? 1
        var generator = time.generator
        let delay = Self.runRetry.delay(afterFailures: failures, using: &generator)
        let snooze = Snooze(delay: delay, name: "retry", wakeable: false)
        return try? await store.snooze(claimed.lease, snooze, wakes: 0)
    }
}

extension Logger {
    func with(_ claimed: ClaimedWorkflow) -> Logger {
        var logger = self
        logger[metadataKey: "workflow"] = "\(claimed.lease.id)"
        logger[metadataKey: "kind"] = "\(claimed.kind)"
        logger[metadataKey: "subject"] = "\(claimed.subject)"
        return logger
    }
}
