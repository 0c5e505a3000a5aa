import Logging
import Postgres
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a workflow's function works with. The function runs again from its top after every wait, retry,
/// crash or deploy; what is recorded returns at once, so all it does must happen in steps.
package final class WorkflowContext: Sendable {
    package let workflowID: UUID
    package let kind: String
    package let subject: String
    /// Which run of the function this is, from 1.
    package let attempt: Int

    struct State {
        var recorded: [String: RecordedStep] = [:]
        /// When the recorded steps were read: their deadlines count from here.
        var readAt: ContinuousClock.Instant
        var used: Set<String> = []
        var suspension: Suspension?
        /// Wakes counted before anything was read that the next wait could wait for.
        var wakes: Int
        /// nil: the run's end is the workflow's, whoever wakes it.
        var endsUnlessWokenSince: Int?
    }

    let store: StepStore
    let time: WorkflowTime
    let state: Mutex<State>

    let logger: Logger

    init(_ claimed: ClaimedWorkflow, database: PostgresPool, time: WorkflowTime, logger: Logger) {
        self.logger = logger.with(claimed)
        workflowID = claimed.lease.id
        kind = claimed.kind
        subject = claimed.subject
        attempt = claimed.attempt
        store = StepStore(database: database, lease: claimed.lease)
        self.time = time
        state = Mutex(State(readAt: time.now(), wakes: claimed.wakes))
    }

    /// Reads what earlier runs recorded.
    func load() async throws {
        let asked = time.now()
        // A first run has nothing to read.
        let recorded = attempt > 1 ? try await store.recorded() : [:]
        state.withLock { state in
            state.recorded = recorded
            state.readAt = asked
        }
    }

    /// An outside effect: runs at least once, and once its output is recorded, never again. `body` gets a key
    /// that is the same in every try (at most 64 characters, ASCII) for services that take one. The output
    /// must hold no secret. An error is tried again as `retry` says; a `PermanentFailure` is not.
    @discardableResult
    package func step<Output: Codable & Sendable>(
        _ name: String, retry: RetryPolicy = .default, isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> Output
    ) async throws -> Output {
        try await attempt(name, retry, body) { output in
            let json = try encoded(output, of: name)
            try await persisting { try await store.finish(name, .step, output: json, in: store.database) }
            return output
        }
    }

    /// An outside effect, and our own SQL about it in the commit that records the step: that SQL happens
    /// exactly once, and never by a run that lost its lease. `body` returns the output, which is recorded,
    /// and what only `record` may see.
    @discardableResult
    package func step<Output: Codable & Sendable, Detail: Sendable>(
        _ name: String, retry: RetryPolicy = .default, isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> (Output, Detail),
        record: (Output, Detail, Transaction) async throws -> Void
    ) async throws -> Output {
        try await attempt(name, retry, body) { output, detail in
            let json = try encoded(output, of: name)
            try await persisting {
                try await store.database.transaction { transaction in
                    try await record(output, detail, transaction)
                    try await store.finish(name, .step, output: json, in: transaction)
                }
            }
            return output
        }
    }

    private func attempt<Made: Sendable, Output: Codable & Sendable>(
        _ name: String, _ retry: RetryPolicy, isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> Made, _ finish: (Made) async throws -> Output
    ) async throws -> Output {
        if let output = try recordedOutput(name, .step, as: Output.self) { return output }
        return try await attempting(name, .step, retry) {
            let (wakes, attempt) = try await store.begin(name, .step)
            noteWakes(wakes)
            let step = CurrentStep(key: stepKey(workflow: workflowID, step: name), attempt: attempt)
            return try await finish(
                try await CurrentStep.$value.withValue(step) { try await body(step.key) })
        }
    }

    /// Our own SQL and the record of the step in one commit: exactly once. `body` may run more than once, but
    /// only one run commits.
    @discardableResult
    package func transaction<Output: Codable & Sendable>(
        _ name: String, retry: RetryPolicy = .default, isolation: isolated (any Actor)? = #isolation,
        _ body: (Transaction) async throws -> Output
    ) async throws -> Output {
        if let output = try recordedOutput(name, .transaction, as: Output.self) { return output }
        return try await attempting(name, .transaction, retry) {
            try await store.database.transaction { transaction in
                noteWakes(try await store.check(in: transaction))
                let output = try await body(transaction)
                let json = try encoded(output, of: name)
                try await store.finish(name, .transaction, output: json, in: transaction)
                return output
            }
        }
    }

    /// Our own SQL that no step records, in a commit that a run which lost its lease cannot make.
    package func fenced(
        isolation: isolated (any Actor)? = #isolation, _ body: (Transaction) async throws -> Void
    ) async throws {
        try await store.database.transaction { transaction in
            try await body(transaction)
            try await store.hold(in: transaction)
        }
    }

    package func step(
        _ name: String, retry: RetryPolicy = .default, isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> Void
    ) async throws {
        _ = try await step(name, retry: retry) { key -> Nothing in
            try await body(key)
            return Nothing()
        }
    }

    package func transaction(
        _ name: String, retry: RetryPolicy = .default, isolation: isolated (any Actor)? = #isolation,
        _ body: (Transaction) async throws -> Void
    ) async throws {
        _ = try await transaction(name, retry: retry) { transaction -> Nothing in
            try await body(transaction)
            return Nothing()
        }
    }
}

/// The output of a step that has none: `{}`. Reads whatever an earlier version recorded.
struct Nothing: Codable, Sendable {
    init() {}
    init(from decoder: any Decoder) {}
}

extension WorkflowContext {
    /// What every step does first: stop if the run is to stop, refuse a name used twice, and return what an
    /// earlier run recorded.
    func recordedOutput<Output: Decodable>(
        _ name: String, _ kind: StepKind, as type: Output.Type
    ) throws -> Output? {
        guard let step = try enter(name, kind) else { return nil }
        switch step.state {
        case .started: return nil
        case .failed: throw step.failure.code == WaitTimedOut.code ? WaitTimedOut(name: name) : step.failure
        case .done: break
        }
        guard let output = try? JSONDecoder().decode(type, from: Data((step.output ?? "null").utf8)) else {
            throw PermanentFailure(
                code: "step_output_changed",
                message: "the recorded output of step \(name) does not decode as \(type)")
        }
        return output
    }

    func enter(_ name: String, _ kind: StepKind) throws -> RecordedStep? {
        try state.withLock { state in
            if let suspension = state.suspension { throw suspension.thrown }
            guard !name.isEmpty, name.utf8.count <= 200 else {
                throw PermanentFailure(code: "step_name", message: "a step's name has 1 to 200 bytes")
            }
            guard state.used.insert(name).inserted else {
                throw PermanentFailure(code: "step_name_twice", message: "two steps have the name \(name)")
            }
            let recorded = state.recorded[name]
            guard recorded == nil || recorded?.kind == kind else {
                throw PermanentFailure(
                    code: "step_kind_changed",
                    message: "\(name) was recorded as a \(recorded!.kind), and is a \(kind) now")
            }
            return recorded
        }
    }

    /// Wakes of the workflow that were counted before its current step began. While the number stays, nobody
    /// who wakes has changed anything since a read that came after it.
    package var wakes: Int { seenWakes }
    /// The workflow ends with this run only if nobody has woken it since `wakes` were counted; otherwise the
    /// function runs once more. Call it last.
    package func endUnlessWoken(since wakes: Int) { state.withLock { $0.endsUnlessWokenSince = wakes } }
    var endsUnlessWokenSince: Int? { state.withLock { $0.endsUnlessWokenSince } }
    var seenWakes: Int { state.withLock { $0.wakes } }
    func noteWakes(_ wakes: Int) { state.withLock { $0.wakes = wakes } }

    /// The first reason to stop is the one that counts, but a lost lease outweighs all.
    func suspend(_ suspension: Suspension) {
        state.withLock { state in
            if state.suspension == nil || suspension == .leaseLost { state.suspension = suspension }
        }
    }

    var suspension: Suspension? { state.withLock { $0.suspension } }
}

extension Suspension {
    /// What the workflow's function sees.
    var thrown: any Error { self == .cancelled ? WorkflowCancelled() : self }
}
