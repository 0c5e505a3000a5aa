import FoundationEssentials
import Postgres

/// A way into an organisation for whoever has an address, open until it is used, revoked or too old.
package struct Invitation: Encodable, Sendable {
    package var id: UUID
    package var email: String
    package var role: OrgRole
    package var invitedBy: String
    package var createdAt: Date
    package var expiresAt: Date

    enum CodingKeys: String, CodingKey {
        case id, email, role
        case invitedBy = "invited_by"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id.text, forKey: .id)
        try container.encode(email, forKey: .email)
        try container.encode(role, forKey: .role)
        try container.encode(invitedBy, forKey: .invitedBy)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(expiresAt, forKey: .expiresAt)
    }
}

extension Invitation {
    package static let columns: SQL = "id, email, role, invited_by, created_at, expires_at"

    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        email = try row["email", as: String.self]
        role = try row.decode("role", as: OrgRole.self)
        invitedBy = try row["invited_by", as: String.self]
        createdAt = try row["created_at", as: Date.self]
        expiresAt = try row["expires_at", as: Date.self]
    }
}

/// An e-mail address in the form in which two are compared.
package struct EmailAddress: Sendable, Hashable {
    package let text: String

    /// No more than what tells an address from a typing error: whether it exists, only its use shows.
    package init?(_ text: String) {
        let halves = text.split(separator: "@", omittingEmptySubsequences: false)
        guard text.count <= UserStore.maximumEmailLength, halves.count == 2, !halves[0].isEmpty,
            halves[1].contains("."), !halves[1].hasPrefix("."), !halves[1].hasSuffix("."),
            text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f })
        else { return nil }
        self.text = text.lowercased()
    }
}
