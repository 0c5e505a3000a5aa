import AdminProtocol
import Digests
import Postgres

/// The rows of `terms_acceptances`: who accepted which version, and when.
package struct TermsStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func isAccepted(_ terms: Terms, by user: String) async throws -> Bool {
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
    package func accept(_ terms: Terms, by user: String) async throws -> Bool {
        try await database.execute(
            """
            INSERT INTO terms_acceptances (user_id, version, text_sha256)
            VALUES (\(user), \(terms.version), \(terms.sha256)) ON CONFLICT DO NOTHING
            """) == 1
    }

    /// - Throws: `terms_not_accepted` (403).
    package func require(_ terms: Terms, acceptedBy user: String) async throws {
        guard try await isAccepted(terms, by: user) else {
            throw AppError(
                .forbidden, "terms_not_accepted",
                "The terms of service have to be accepted first: GET /cp/legal/terms, then POST "
                    + "/cp/auth/accept-terms.", members: ["version": terms.version])
        }
    }
}
