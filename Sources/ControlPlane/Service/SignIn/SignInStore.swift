import Digests
import FoundationEssentials
import Postgres

/// The rows of `sign_ins`: one for each browser that is on its way to the provider and back. Any replica
/// may see it return.
struct SignInStore: Sendable {
    let database: any PostgresExecutor

    /// So many of those that never came back go whenever one begins.
    static let sweep = 100

    func insert(state: TokenHash, browser: TokenHash, returnTo: String) async throws {
        try await database.execute(
            """
            DELETE FROM sign_ins WHERE state_hash IN (
                SELECT state_hash FROM sign_ins WHERE expires_at < now() ORDER BY expires_at
                LIMIT \(Self.sweep))
            """)
        let seconds = Double(SignInSecret.lifetime.wholeSeconds)
        try await database.execute(
            """
            INSERT INTO sign_ins (state_hash, browser_hash, return_to, expires_at)
            VALUES (\(state.bytes), \(browser.bytes), \(returnTo), now() + make_interval(secs => \(seconds)))
            """)
    }

    /// Once only, and only for the browser that began it: another one's attempt takes nothing away.
    /// - Returns: where the browser wants to go; nil when there is no such sign-in, or no longer.
    func take(state: TokenHash, browser: TokenHash) async throws -> String? {
        let rows = try await database.query(
            """
            DELETE FROM sign_ins WHERE state_hash = \(state.bytes) AND browser_hash = \(browser.bytes)
            RETURNING return_to, expires_at > now() AS is_live
            """)
        guard let row = rows.first, try row["is_live", as: Bool.self] else { return nil }
        return try row["return_to", as: String.self]
    }
}
