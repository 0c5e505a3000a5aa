import Postgres

extension WorkflowContext {
    /// A wait of which less than this share of its time is left is worth a warning, once.
    package static let warningShare = 0.25

    /// Waits until `condition` returns a value, and records it. Between looks the workflow is put away: no
    /// worker is held. It looks again after a wake of its subject, and every `poll` in any case.
    /// - Parameter deadline: counts from the first look, by the database's clock; recorded then.
    /// - Parameter condition: an error is noted and looked past until the deadline, but `PermanentFailure`.
    /// - Throws: `WaitTimedOut` when it looked once more after the deadline, in vain.
    @discardableResult
    package func wait<Output: Codable & Sendable>(
        _ name: String, deadline: Duration, poll: Duration = .seconds(5),
        isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Output?
    ) async throws -> Output {
        if let output = try recordedOutput(name, .wait, as: Output.self) { return output }
        let timeout = time.now() + (try await remaining(name, .wait, deadline))
        let step = CurrentStep(key: stepKey(workflow: workflowID, step: name), attempt: 1)
        return try await attempting(name, .wait, .never) {
            do {
                let output = try await CurrentStep.$value.withValue(step) { try await condition() }
                if let output {
                    let json = try encoded(output, of: name)
                    try await persisting {
                        try await store.finish(name, .wait, output: json, in: store.database)
                    }
                    return output
                }
            } catch let error where isLookedPast(error) {
                _ = try await persisting { try await store.noteFailure(name, .wait, boundedText(error)) }
            }
            let remaining = timeout - time.now()
            if remaining <= .zero {
                let timedOut = WaitTimedOut(name: name)
                let failure = PermanentFailure(code: WaitTimedOut.code, message: "\(timedOut)")
                try await persisting { try await store.fail(name, .wait, failure) }
                throw timedOut
            }
            if remaining <= deadline * Self.warningShare { try await warn(name, remaining) }
            throw Suspension.snoozed(Snooze(delay: min(poll, remaining), name: name, wakeable: true))
        }
    }

    package func wait(
        _ name: String, deadline: Duration, poll: Duration = .seconds(5),
        isolation: isolated (any Actor)? = #isolation, until condition: () async throws -> Bool
    ) async throws {
        _ = try await wait(name, deadline: deadline, poll: poll) { try await condition() ? Nothing() : nil }
    }

    /// Holds no worker; wakes do not shorten it.
    package func sleep(_ name: String, _ duration: Duration) async throws {
        guard try recordedOutput(name, .sleep, as: Nothing.self) == nil else { return }
        let remaining = try await remaining(name, .sleep, duration)
        try await attempting(name, .sleep, .never) {
            if remaining > .zero {
                throw Suspension.snoozed(Snooze(delay: remaining, name: name, wakeable: false))
            }
            try await persisting { try await store.finish(name, .sleep, output: "{}", in: store.database) }
        }
    }

    /// Time to the deadline, which the first run records.
    private func remaining(_ name: String, _ kind: StepKind, _ limit: Duration) async throws -> Duration {
        let (recorded, readAt) = state.withLock { ($0.recorded[name], $0.readAt) }
        if let deadline = recorded?.untilDeadline { return deadline - (time.now() - readAt) }
        return try await attempting(name, kind, .never) {
            noteWakes(try await store.begin(name, kind, deadline: limit).wakes)
            return limit
        }
    }

    private func warn(_ name: String, _ remaining: Duration) async throws {
        guard state.withLock({ $0.recorded[name]?.isWarned != true }) else { return }
        guard try await persisting({ try await store.warn(name) }) else { return }
        logger.warning(
            "a wait nears its deadline", metadata: ["wait": "\(name)", "left": "\(remaining)"])
    }

    private func isLookedPast(_ error: any Error) -> Bool {
        switch error {
        case is PermanentFailure, is Postponed, is Suspension, is WorkflowCancelled,
            is CancellationError:
            false
        case let error as PostgresError: !error.isConnectionFailure
        default: suspension == nil && !Task.isCancelled
        }
    }
}
