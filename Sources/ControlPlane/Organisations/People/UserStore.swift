import FoundationEssentials
import Postgres

/// The rows of `users`: people by the provider's subject.
package struct UserStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// Longest subject (OpenID Connect Core 1.0, section 2), and longest address (RFC 3696), in characters.
    package static let maximumSubjectLength = 255
    package static let maximumEmailLength = 320

    /// Somebody whom an operator names and who may never have signed in.
    func mention(_ id: String) async throws {
        try await database.execute("INSERT INTO users (id) VALUES (\(id)) ON CONFLICT (id) DO NOTHING")
    }

    /// What the provider says of a user who signs in now.
    package func signedIn(id: String, email: String?, isEmailVerified: Bool) async throws {
        try await database.execute(
            """
            INSERT INTO users (id, email, is_email_verified, signed_in_at)
            VALUES (\(id), \(email), \(isEmailVerified), now())
            ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email,
                is_email_verified = EXCLUDED.is_email_verified, signed_in_at = now()
            """)
    }
}
