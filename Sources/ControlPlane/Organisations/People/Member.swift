import FoundationEssentials
import Postgres

/// A person in an organisation, as the routes show them.
package struct Member: Encodable, Sendable {
    package var userID: String
    /// nil: has not signed in yet, or the provider says none.
    package var email: String?
    package var role: OrgRole
    /// Since when they belong to it.
    package var createdAt: Date

    enum CodingKeys: String, CodingKey {
        case email, role
        case userID = "user_id"
        case createdAt = "created_at"
    }
}

extension Member {
    package init(_ row: Row) throws {
        userID = try row["user_id", as: String.self]
        email = try row["email", as: String?.self]
        role = try row.decode("role", as: OrgRole.self)
        createdAt = try row["created_at", as: Date.self]
    }
}
