import FoundationEssentials
import Postgres

/// A named operator token, a partner key or an organisation's token, without the token.
package struct Credential: Sendable {
    package var id: UUID
    package var kind: CredentialKind
    package var name: String
    package var prefix: String
    /// Of an operator.
    package var role: OperatorRole?
    /// Of a partner or an organisation.
    package var scopes: Set<Scope>
    package var partnerID: String?
    /// The one organisation that it reaches; of a partner nil: those that the partner created.
    package var orgID: UUID?
    /// Requests a minute; nil: what is configured.
    package var rateLimit: Int?
    package var createdBy: String
    package var createdAt: Date
    package var expiresAt: Date?
    var lastUsedAt: Date?
    var isExpired: Bool

    /// A partner's key without an organisation reaches those that the partner has created.
    package func reaches(_ org: Org) -> Bool {
        guard let orgID else { return partnerID != nil && partnerID == org.partnerID }
        return orgID == org.id
    }

    /// Names in the log and the audit trail who did something; names can repeat, prefixes hardly do.
    package var label: String { "\(name) (\(prefix)...)" }
}

extension Credential {
    package static let columns: SQL =
        """
        id, kind, name, token_prefix, role, scopes, partner_id, org_id, rate_limit, created_by, created_at,
        expires_at, last_used_at, coalesce(expires_at <= now(), false) AS is_expired
        """

    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        kind = try row.decode("kind", as: CredentialKind.self)
        name = try row["name", as: String.self]
        prefix = try row["token_prefix", as: String.self]
        role = try row["role", as: String?.self].flatMap(OperatorRole.init)
        // A scope of a newer version is none of this one's.
        scopes = Set(try row["scopes", as: [String].self].compactMap(Scope.init))
        partnerID = try row["partner_id", as: String?.self]
        orgID = try row["org_id", as: UUID?.self]
        rateLimit = try row["rate_limit", as: Int?.self]
        createdBy = try row["created_by", as: String.self]
        createdAt = try row["created_at", as: Date.self]
        expiresAt = try row["expires_at", as: Date?.self]
        lastUsedAt = try row["last_used_at", as: Date?.self]
        isExpired = try row["is_expired", as: Bool.self]
    }
}

/// As routes show a credential. The token is there once, in the answer to its creation.
package struct CredentialView: Encodable, Sendable {
    package let credential: Credential
    package var token: String?

    package init(credential: Credential, token: String? = nil) {
        self.credential = credential
        self.token = token
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, role, scopes, key, token, status
        case partnerID = "partner_id"
        case orgID = "org_id"
        case keyPrefix = "key_prefix"
        case tokenPrefix = "token_prefix"
        case rateLimit = "rate_limit"
        case createdBy = "created_by"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case lastUsedAt = "last_used_at"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(credential.id.text, forKey: .id)
        try container.encode(credential.name, forKey: .name)
        try container.encode(credential.isExpired ? "expired" : "active", forKey: .status)
        try container.encode(credential.createdBy, forKey: .createdBy)
        try container.encode(credential.createdAt, forKey: .createdAt)
        try container.encode(credential.expiresAt, forKey: .expiresAt)
        try container.encode(credential.lastUsedAt, forKey: .lastUsedAt)
        if credential.kind == .operator {
            try container.encode(credential.role, forKey: .role)
        } else {
            let scopes = Scope.allCases.filter(credential.scopes.contains)
            try container.encode(scopes, forKey: .scopes)
            try container.encode(credential.orgID?.text, forKey: .orgID)
            try container.encode(credential.rateLimit, forKey: .rateLimit)
        }
        try container.encodeIfPresent(credential.partnerID, forKey: .partnerID)
        // The contract calls a partner's a key.
        let isKey = credential.kind == .partner
        try container.encode(credential.prefix, forKey: isKey ? .keyPrefix : .tokenPrefix)
        try container.encodeIfPresent(token, forKey: isKey ? .key : .token)
    }
}
