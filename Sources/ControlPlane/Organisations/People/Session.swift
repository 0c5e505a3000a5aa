import FoundationEssentials
import Postgres

/// A browser that is signed in.
package struct Session: Sendable {
    package var id: UUID
    package var userID: String
    package var email: String?
    package var isEmailVerified: Bool
}

extension Session {
    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        userID = try row["user_id", as: String.self]
        email = try row["email", as: String?.self]
        isEmailVerified = try row["is_email_verified", as: Bool.self]
    }
}

/// How long a session lives, and where its cookie goes.
package struct SessionSettings: Sendable {
    /// The cookie is sent to this domain and every host below it; nil: to the platform's own host alone.
    package var cookieDomain: String?
    /// Unused for this long, it ends.
    package var idle: Duration
    /// However much it is used, it ends.
    package var lifetime: Duration

    package init(cookieDomain: String? = nil, idle: Duration, lifetime: Duration) {
        self.cookieDomain = cookieDomain
        self.idle = idle
        self.lifetime = lifetime
    }
}

extension SessionSettings {
    /// `__Host-`: no other host can have set it, not even one below the same domain.
    package var cookieName: String {
        cookieDomain == nil ? "__Host-molecule_session" : "__Secure-molecule_session"
    }
}

extension Duration {
    /// Whole seconds.
    package var wholeSeconds: Int { Int(components.seconds) }
}
