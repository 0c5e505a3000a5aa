import Postgres

/// The rows of `terms_acceptances`: who accepted which version, and when.
struct TermsStore: Sendable {
    let database: any PostgresExecutor

    func isAccepted(_ terms: Terms, by user: String) async throws -> Bool {
        try await !database.query(
            """
            SELECT 1 AS one FROM terms_acceptances
            WHERE user_id = \(user) AND version = \(terms.version)
            """
        ).isEmpty
    }

    /// The first acceptance of a version stays.
    /// - Returns: whether this is it.
    @discardableResult
    func accept(_ terms: Terms, by user: String) async throws -> Bool {
        try await database.execute(
            """
            INSERT INTO terms_acceptances (user_id, version, text_sha256)
            VALUES (\(user), \(terms.version), \(terms.sha256)) ON CONFLICT DO NOTHING
            """) == 1
    }
}
