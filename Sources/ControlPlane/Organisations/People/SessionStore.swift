import Digests
import FoundationEssentials
import Postgres

/// The rows of `sessions`. The cookie's value is nowhere but in the browser.
package struct SessionStore: Sendable {
    package let database: any PostgresExecutor
    package let settings: SessionSettings

    package init(database: any PostgresExecutor, settings: SessionSettings) {
        self.database = database
        self.settings = settings
    }

    /// A session's last use is written at most this often.
    static let touchInterval: Duration = .seconds(60)
    /// So many of the ended ones go whenever a session begins.
    package static let sweep = 100

    package func insert(id: UUID, user: String, token: TokenHash) async throws {
        try await database.execute(
            """
            INSERT INTO sessions (id, token_hash, user_id, expires_at)
            VALUES (\(id), \(token.bytes), \(user),
                now() + make_interval(secs => \(Double(settings.lifetime.wholeSeconds))))
            """)
    }

    /// The session of that cookie, unless it has ended. Its use is noted, at most so often.
    package func use(token: TokenHash) async throws -> Session? {
        let rows = try await database.query(
            """
            WITH found AS (
                SELECT sessions.id, user_id, email, is_email_verified, last_used_at
                FROM sessions JOIN users ON users.id = user_id
                WHERE token_hash = \(token.bytes) AND \(isLive)
            ), noted AS (
                UPDATE sessions SET last_used_at = now() FROM found
                WHERE sessions.id = found.id AND found.last_used_at <
                    now() - make_interval(secs => \(Double(Self.touchInterval.wholeSeconds)))
            )
            SELECT id, user_id, email, is_email_verified FROM found
            """)
        return try rows.first.map(Session.init)
    }

    /// Neither too old nor unused for too long.
    package var isLive: SQL {
        """
        expires_at > now()
            AND last_used_at > now() - make_interval(secs => \(Double(settings.idle.wholeSeconds)))
        """
    }

    /// - Returns: whose it was; nil when there was none.
    @discardableResult
    package func end(token: TokenHash) async throws -> Session? {
        let rows = try await database.query(
            """
            DELETE FROM sessions USING users
            WHERE token_hash = \(token.bytes) AND users.id = user_id
            RETURNING sessions.id, user_id, email, is_email_verified
            """)
        return try rows.first.map(Session.init)
    }

    /// Every browser of the user is signed out.
    /// - Returns: how many were signed in.
    @discardableResult
    package func endAll(user: String) async throws -> Int {
        try await database.execute("DELETE FROM sessions WHERE user_id = \(user)")
    }

    package func deleteEnded() async throws {
        try await database.execute(
            """
            DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE expires_at < now() ORDER BY expires_at LIMIT \(Self.sweep))
            """)
    }
}
