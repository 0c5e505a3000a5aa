import Logging
import Postgres
import ServiceLifecycle
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Runs durable workflows recorded in PostgreSQL. Register every kind, then run it as a service; any number
/// of engines may share one database. `start`, `wake`, `cancel` and `describe` work without it running.
package final class WorkflowEngine: Service {
    package struct Configuration: Sendable {
        /// Runs at the same time. Each may hold a connection while it is in a transaction.
        package var workers: Int
        /// How long a claim lasts without a heartbeat; heartbeats come three times as often.
        package var lease: Duration
        /// How long at most between looks for due workflows, should a notification be lost.
        package var poll: Duration
        /// On shutdown, what a step under way gets to finish before its task is cancelled.
        package var grace: Duration

        package init(
            workers: Int = 8, lease: Duration = .seconds(10), poll: Duration = .seconds(5),
            grace: Duration = .seconds(2)
        ) {
            precondition(
                workers > 0 && lease > .zero && poll > .zero, "workers, lease and poll must be positive")
            self.workers = workers
            self.lease = lease
            self.poll = poll
            self.grace = grace
        }
    }

    struct Handler: Sendable {
        let run: @Sendable (WorkflowContext, String) async throws -> Void
        let onFailure: @Sendable (String, WorkflowFailure, Transaction) async throws -> Void
    }

    let database: PostgresPool
    let configuration: Configuration
    let logger: Logger
    let time: WorkflowTime
    /// Unique to this engine, and shown as the lease's owner.
    package let name: String
    let store: RunStore
    let runs = ActiveRuns()
    let signal = Signal()
    /// The last look may have left due work for want of a worker.
    let isFull = Atomic<Bool>(true)
    private let handlers = Mutex<[String: Handler]>([:])

    /// - Parameter name: nil for the host's name and a random part.
    package init(
        database: PostgresPool, configuration: Configuration = .init(), logger: Logger, name: String? = nil,
        time: WorkflowTime = .system
    ) {
        self.database = database
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.name = name ?? "\(ProcessInfo.processInfo.hostName)/\(UUID().uuidString.lowercased().prefix(8))"
        store = RunStore(database: database, owner: self.name, lease: configuration.lease)
    }

    /// Names a kind of workflow and its function. Call before `run`, once a kind.
    /// - Parameter onFailure: runs in the transaction that marks the workflow failed; if it throws, both are
    ///   tried again later.
    package func register<Input: Codable & Sendable>(
        _ kind: String, input: Input.Type,
        onFailure: @escaping @Sendable (Input, WorkflowFailure, Transaction) async throws -> Void = {
            _, _, _ in
        },
        run: @escaping @Sendable (WorkflowContext, Input) async throws -> Void
    ) {
        let handler = Handler(
            run: { context, json in try await run(context, decodeInput(json, as: Input.self)) },
            onFailure: { json, failure, transaction in
                // An input that no longer decodes has nobody to tell; the mark is made all the same.
                guard let input = try? decodeInput(json, as: Input.self) else { return }
                try await onFailure(input, failure, transaction)
            })
        handlers.withLock { handlers in
            precondition(handlers.updateValue(handler, forKey: kind) == nil, "\(kind) is registered twice")
        }
    }

    var kinds: [String] { handlers.withLock { $0.keys.sorted() } }

    func handler(for kind: String) -> Handler? { handlers.withLock { $0[kind] } }

    /// Claims and runs workflows until the graceful shutdown, or until the task is cancelled; then gives back
    /// what it holds.
    package func run() async throws {
        let beats = Task { await heartbeats() }
        let notifications = Task { await listen() }
        let claims = Task { await claimLoop() }
        try? await gracefulShutdown()
        runs.stop()
        signal.send()
        // The task may be cancelled; giving back leases must not be.
        await Task { await runs.drain(within: configuration.grace) }.value
        for task in [claims, notifications, beats] { task.cancel() }
        await claims.value
        await Task { await runs.drain(within: .zero) }.value
        await beats.value
    }

    private func listen() async {
        for await _ in database.listen(to: "workflows") { signal.send() }
    }
}

private func decodeInput<Input: Decodable>(_ json: String, as type: Input.Type) throws -> Input {
    do {
        return try JSONDecoder().decode(type, from: Data(json.utf8))
    } catch {
        throw PermanentFailure(
            code: "input_changed", message: "the recorded input does not decode as \(type)")
    }
}
