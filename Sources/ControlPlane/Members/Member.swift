import FoundationEssentials
import Postgres

/// A person in an organisation, as the routes show them.
struct Member: Encodable, Sendable {
    var userID: String
    /// nil: has not signed in yet, or the provider says none.
    var email: String?
    var role: OrgRole
    /// Since when they belong to it.
    var createdAt: Date

    enum CodingKeys: String, CodingKey {
        case email, role
        case userID = "user_id"
        case createdAt = "created_at"
    }
}

extension Member {
    init(_ row: Row) throws {
        userID = try row["user_id", as: String.self]
        email = try row["email", as: String?.self]
        role = try row.decode("role", as: OrgRole.self)
        createdAt = try row["created_at", as: Date.self]
    }
}
