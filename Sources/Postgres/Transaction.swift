import Synchronization

/// An open transaction. Valid only inside the closure that got it.
package final class Transaction: PostgresExecutor {
    let connection: Connection
    private let ended = Atomic<Bool>(false)

    init(connection: Connection) { self.connection = connection }

    package func query(_ sql: SQL) async throws -> [Row] { try await run(sql).rows }

    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int { try await run(sql).affected }

    func end() { ended.store(true, ordering: .releasing) }

    func requireOpen() throws {
        guard !ended.load(ordering: .acquiring) else {
            throw PostgresError(
                sqlState: PostgresError.clientMisuse, message: "the transaction was used after its end")
        }
    }

    /// Takes back what `body` has done when it throws, and nothing else: the transaction goes on, where a
    /// failed statement would have ended it.
    package func savepoint<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> Value {
        try await execute("SAVEPOINT inner_part")
        do {
            let value = try await body()
            try await execute("RELEASE SAVEPOINT inner_part")
            return value
        } catch {
            try await execute("ROLLBACK TO SAVEPOINT inner_part")
            throw error
        }
    }

    private func run(_ sql: SQL) async throws -> ResultSet {
        try requireOpen()
        return try await connection.run(sql)
    }
}

package enum IsolationLevel: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}

extension PostgresPool {
    /// Commits when `body` returns and rolls back when it throws; runs `body` once. A commit whose answer was
    /// lost throws `isConnectionFailure`: it may have happened. Do not use the pool inside `body`: that needs
    /// a second connection and sees nothing of this transaction.
    package func transaction<Value: Sendable>(
        _ level: IsolationLevel = .readCommitted, isolation: isolated (any Actor)? = #isolation,
        _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        try await onConnection { connection in
            try await connection.script("BEGIN ISOLATION LEVEL \(level.rawValue)")
            let transaction = Transaction(connection: connection)
            do {
                let value = try await body(transaction)
                transaction.end()
                try await commit(connection)
                return value
            } catch {
                transaction.end()
                // A connection that cannot even roll back is not given back to the pool as healthy.
                if await connection.isInTransaction { _ = try? await connection.script("ROLLBACK") }
                throw error
            }
        }
    }

    /// The server answers COMMIT of a failed transaction with success and the tag ROLLBACK.
    private func commit(_ connection: Connection) async throws {
        guard try await connection.script("COMMIT") == "COMMIT" else {
            throw PostgresError(
                sqlState: "25P02", message: "rolled back: an earlier statement of the transaction had failed")
        }
    }
}
