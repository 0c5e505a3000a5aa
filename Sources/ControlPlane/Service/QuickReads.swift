import AdminProtocol
import Postgres

/// Reads that somebody waits for on the way to a page, over connections that nothing else takes.
struct QuickReads: Sendable {
    let database: PostgresPool

    /// Two statements, one after the other, stay below the 3 s that a tenant waits.
    static let statementTimeout: Duration = .milliseconds(800)
    static let waitLimit: Duration = .milliseconds(400)
    static let connections = 4

    /// - Throws: `database_busy` (503) when there is no answer in time.
    func callAsFunction<Value: Sendable>(
        _ body: @Sendable (PostgresPool) async throws -> Value
    ) async throws -> Value {
        do {
            return try await body(database)
        } catch let error as PostgresError
            where error.isQueryCanceled || error.isPoolExhausted || error.isConnectionFailure
        {
            throw AppError(
                .notReady, "database_busy", "The database does not answer in time. Ask again.",
                cause: error, retryAfter: 1)
        }
    }
}
