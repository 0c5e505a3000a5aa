import FoundationEssentials
import Logging
import Postgres
import Synchronization

/// The service's periodic runs that go through many things.
package enum PeriodicRun: String, Sendable, CaseIterable, Codable {
    case creditWatch = "credit_watch"
    case overage
    case usageKeeper = "usage_keeper"
    case reconciler
    case billingReconciler = "billing_reconciler"
    case auditSealer = "audit_sealer"
    case requestLimiter = "request_limiter"
}

/// One round of a periodic run. Each thing that it does is attempted by itself: what fails is logged and
/// kept in `periodic_failures`, where operators find it, and the round goes on with the rest.
///
/// Three things end a round, since all that follows would fail as well: its task is cancelled, the database
/// is away, or its pool has no connection left.
package final class PeriodicRound: Sendable {
    private let run: PeriodicRun
    private let store: PeriodicFailureStore
    private let logger: Logger
    /// What failed when the round began, so that a success costs a statement only after a failure.
    private let failing: Set<String>
    private let failed = Mutex<Set<String>>([])

    package init(_ run: PeriodicRun, _ database: PostgresPool, _ logger: Logger) async throws {
        self.run = run
        self.logger = logger
        store = PeriodicFailureStore(database: database)
        failing = try await store.subjects(of: run)
    }

    /// - Parameter subject: what is attempted, by the same name in every round.
    /// - Returns: nil when it failed.
    /// - Throws: what ends the round.
    @discardableResult
    package func attempt<Value: Sendable>(
        _ subject: String, org: UUID? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Value
    ) async throws -> Value? {
        do {
            let value = try await body()
            if failing.contains(PeriodicFailureStore.stored(subject)) { try await worksAgain(subject) }
            return value
        } catch {
            try await failed(subject, org: org, error)
            return nil
        }
    }

    /// Of a round that has seen all there is: what failed before, and has not now, works again or is gone.
    package func forgetRest() async throws {
        for subject in failing.subtracting(failed.withLock { $0 }).sorted() { try await worksAgain(subject) }
    }

    private func worksAgain(_ subject: String) async throws {
        try await store.forget(run, subject)
        logger.notice("works again", metadata: ["run": "\(run.rawValue)", "subject": "\(subject)"])
    }

    /// Reports a failure of something that the round has passed over.
    /// - Throws: what ends the round.
    package func failed(_ subject: String, org: UUID? = nil, _ error: any Error) async throws {
        if try await endsRound(error) { throw error }
        _ = failed.withLock { $0.insert(PeriodicFailureStore.stored(subject)) }
        var failures = 1
        do {
            failures = try await store.record(run, subject, org: org, error)
        } catch let second {
            if try await endsRound(second) { throw second }
            logger.error(
                "failure not recorded", metadata: ["run": "\(run.rawValue)", "error": "\(second)"])
        }
        // The first, and then ever more seldom: a thing that fails every few seconds does not fill the log.
        guard failures.nonzeroBitCount == 1 else { return }
        logger.error(
            "periodic run goes on without it",
            metadata: [
                "run": "\(run.rawValue)", "subject": "\(subject)", "failures": "\(failures)",
                "error": "\(error)",
            ])
    }

    private func endsRound(_ error: any Error) async throws -> Bool {
        if error is CancellationError || Task.isCancelled { return true }
        guard let error = error as? PostgresError else { return false }
        if error.isPoolExhausted { return true }
        guard error.isConnectionFailure else { return false }
        // A connection that breaks with each attempt of one thing is that thing's failure.
        return await !store.isReachable()
    }
}
