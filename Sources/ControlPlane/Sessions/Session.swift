import FoundationEssentials
import Postgres

/// A browser that is signed in.
struct Session: Sendable {
    var id: UUID
    var userID: String
    var email: String?
    var isEmailVerified: Bool
}

extension Session {
    init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        userID = try row["user_id", as: String.self]
        email = try row["email", as: String?.self]
        isEmailVerified = try row["is_email_verified", as: Bool.self]
    }
}

/// How long a session lives, and where its cookie goes.
struct SessionSettings: Sendable {
    /// The cookie is sent to this domain and every host below it; nil: to the platform's own host alone.
    var cookieDomain: String?
    /// Unused for this long, it ends.
    var idle: Duration
    /// However much it is used, it ends.
    var lifetime: Duration
}

extension SessionSettings {
    /// `__Host-`: no other host can have set it, not even one below the same domain.
    var cookieName: String { cookieDomain == nil ? "__Host-molecule_session" : "__Secure-molecule_session" }
}

extension Duration {
    /// Whole seconds.
    var wholeSeconds: Int { Int(components.seconds) }
}
