import Logging
import ServiceLifecycle

/// What runs statements: the pool (each statement its own transaction) or an open transaction.
package protocol PostgresExecutor: Sendable {
    /// - Throws: `PostgresError`; `CancellationError` only while waiting for a connection.
    func query(_ sql: SQL) async throws -> [Row]
    /// - Returns: the number of rows the statement touched.
    @discardableResult
    func execute(_ sql: SQL) async throws -> Int
}

/// A bounded pool of sessions with one database. Connections open when first needed. After a server
/// restart callers wait, for at most the wait limit, instead of failing; only statements that were under
/// way fail, as they may or may not have committed. Cancelling a task ends its wait for a connection at
/// once; a statement that was sent runs to its end, bounded by the statement timeout.
package final class PostgresPool: Service, PostgresExecutor {
    package let configuration: PostgresConfiguration
    package let logger: Logger
    private let queue: PoolQueue
    private let listener: Listener

    package init(_ configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        queue = PoolQueue(limit: configuration.maximumConnections)
        listener = Listener(configuration, logger: logger)
    }

    deinit { listener.stop() }

    /// Waits for the graceful shutdown, then closes. The pool works without this being run.
    package func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Refuses new work and closes idle connections; one in use closes when it is given back.
    package func close() async {
        listener.stop()
        for connection in queue.close() { await connection.close() }
    }

    package func query(_ sql: SQL) async throws -> [Row] {
        try await onConnection { try await $0.run(sql) }.rows
    }

    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int {
        try await onConnection { try await $0.run(sql) }.affected
    }

    /// The payloads of NOTIFY on `channel`. An empty payload comes whenever listening starts or starts again
    /// after a lost connection: notifications may have been missed, so read the tables again. At most 256
    /// are kept for a slow reader, the newest.
    package func listen(to channel: String) -> AsyncStream<String> {
        listener.subscribe(channel)
    }

    /// Connections by what they do now, for metrics.
    package var counts: (idle: Int, inUse: Int, waiting: Int) { queue.counts }

    /// Runs `body` on one connection, again on another if the first had gone before anything was sent.
    func onConnection<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Connection) async throws -> Value
    ) async throws -> Value {
        while true {
            let connection = try await acquire()
            do {
                let value = try await body(connection)
                queue.release(connection)
                return value
            } catch is StaleConnection {
                queue.release(connection)
            } catch {
                queue.release(connection)
                throw error
            }
        }
    }

    private func acquire() async throws -> Connection {
        do {
            switch try await queue.acquire(waitingAtMost: configuration.waitLimit) {
            case .connection(let connection): return connection
            case .slot: return try await openConnection()
            }
        } catch PoolQueue.Refusal.timedOut {
            let bound = configuration.maximumConnections
            throw PostgresError(
                sqlState: PostgresError.poolExhausted,
                message: "all \(bound) connections of the pool stayed busy for \(configuration.waitLimit)")
        } catch PoolQueue.Refusal.closed {
            throw PostgresError(sqlState: PostgresError.noConnection, message: "the pool is closed")
        }
    }

    /// Opens a connection in a granted slot, trying again while the server may be restarting.
    private func openConnection() async throws -> Connection {
        let deadline = ContinuousClock.now + configuration.waitLimit
        var pause = Duration.milliseconds(20)
        while true {
            let connection = Connection(configuration)
            do {
                try await connection.open()
                return connection
            } catch let error as PostgresError where error.isConnectionFailure {
                do {
                    guard ContinuousClock.now + pause < deadline else { throw error }
                    try await Task.sleep(for: pause)
                } catch {
                    queue.releaseSlot()
                    throw error
                }
                pause = min(pause * 2, .milliseconds(500))
            } catch {
                queue.releaseSlot()
                throw error
            }
        }
    }
}
