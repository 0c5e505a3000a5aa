import Postgres

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension WorkflowContext {
    /// The largest output of a step, as JSON.
    static let maximumOutputBytes = 256 * 1_024

    /// One try of a step, and what becomes of its error.
    func attempting<Output: Sendable>(
        _ name: String, _ kind: StepKind, _ retry: RetryPolicy,
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Output
    ) async throws -> Output {
        do {
            return try await body()
        } catch {
            throw await outcome(of: error, name, kind, retry)
        }
    }

    private func outcome(
        of error: any Error, _ name: String, _ kind: StepKind, _ retry: RetryPolicy
    ) async -> any Error {
        do {
            return try await handled(error, name, kind, retry)
        } catch {
            // Recording the failure failed.
            return stopped(error, name) ?? error
        }
    }

    /// Decides between trying again later and failing for good, and records it.
    private func handled(
        _ error: any Error, _ name: String, _ kind: StepKind, _ retry: RetryPolicy
    ) async throws -> any Error {
        if let stop = stopped(error, name) { return stop }
        if error is WaitTimedOut { return error }
        if let postponed = error as? Postponed {
            let snooze = Suspension.snoozed(
                Snooze(
                    delay: postponed.delay, name: name, wakeable: false, postponed: postponed.reason))
            suspend(snooze)
            return snooze
        }
        if let failure = error as? PermanentFailure { return try await failed(failure, name, kind) }
        let text = boundedText(error)
        let (failures, elapsed) = try await persisting { try await store.noteFailure(name, kind, text) }
        guard retry.allowsAnother(afterFailures: failures, elapsed: elapsed) else {
            return try await failed(PermanentFailure(code: "retries_exhausted", message: text), name, kind)
        }
        var generator = time.generator
        let delay = retry.delay(afterFailures: failures, using: &generator)
        let snooze = Suspension.snoozed(Snooze(delay: delay, name: name, wakeable: false))
        suspend(snooze)
        return snooze
    }

    func failed(_ failure: PermanentFailure, _ name: String, _ kind: StepKind) async throws -> any Error {
        try await persisting { try await store.fail(name, kind, failure) }
        return failure
    }

    /// Puts the run away if the error says nothing about the step itself; that costs no try.
    private func stopped(_ error: any Error, _ name: String) -> (any Error)? {
        guard let stop = stopping(error, name) else { return nil }
        suspend(stop)
        return (suspension ?? stop).thrown
    }

    private func stopping(_ error: any Error, _ name: String) -> Suspension? {
        if let suspension = error as? Suspension { return suspension }
        if error is WorkflowCancelled { return .cancelled }
        if let suspension { return suspension }
        if Task.isCancelled { return .released }
        guard let error = error as? PostgresError else { return nil }
        let transient = error.isConnectionFailure || error.isSerializationFailure || error.isPoolExhausted
        guard transient else { return nil }
        var generator = time.generator
        let delay = Duration.milliseconds(.random(in: 20...500, using: &generator))
        return .snoozed(Snooze(delay: delay, name: name, wakeable: false))
    }

    /// Runs a fenced, repeatable statement again while the database is away for a moment: the effect has
    /// happened, and losing its record would repeat it.
    func persisting<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ statement: () async throws -> Value
    ) async throws -> Value {
        for pause in [20, 100, 500] {
            do {
                return try await statement()
            } catch let error as PostgresError where error.isConnectionFailure && suspension != .leaseLost {
                try await time.sleep(.milliseconds(pause))
            }
        }
        return try await statement()
    }

    func encoded(_ output: some Encodable, of name: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = (try? encoder.encode(output)).map { String(decoding: $0, as: UTF8.self) }
        // jsonb cannot hold a NUL character.
        guard let text, text.utf8.count <= Self.maximumOutputBytes, !text.contains("\\u0000") else {
            throw PermanentFailure(
                code: "step_output",
                message: "the output of step \(name) is not JSON without NUL of at most 256 KiB")
        }
        return text
    }
}
