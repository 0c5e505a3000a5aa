import AdminProtocol
import Digests
import FoundationEssentials
import Postgres

/// The admin tokens of tenants: the present one, and the one that is to follow it.
package struct TenantTokenStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// - Throws: `unauthenticated` unless the token is the organisation's, the present or the next.
    package func prove(_ credential: TenantCredential) async throws -> TenantIdentity {
        let (org, token) = (credential.orgID, credential.token.bytes)
        let rows = try await database.query(
            """
            SELECT admin_token_hash = \(token) AS is_present, next_token_used_at IS NOT NULL AS was_used
            FROM tenants WHERE org_id = \(org) AND admin_token_hash IS NOT NULL
                AND \(token) IN (admin_token_hash, next_token_hash)
            """)
        guard let row = rows.first else { throw AppError.unauthenticated }
        let isPresent = try row["is_present", as: Bool.self]
        if !isPresent, try !row["was_used", as: Bool.self] { try await recordUse(org) }
        return TenantIdentity(orgID: org)
    }

    private func recordUse(_ org: UUID) async throws {
        try await database.execute(
            """
            UPDATE tenants SET next_token_used_at = coalesce(next_token_used_at, now())
            WHERE org_id = \(org) AND next_token_hash IS NOT NULL
            """)
    }

    /// - Returns: false where one is to follow already, or the tenant is not enrolled; nothing changed then.
    package func propose(org: UUID, token: TokenHash, sealed: [UInt8]) async throws -> Bool {
        try await database.execute(
            """
            UPDATE tenants SET next_token_hash = \(token.bytes), next_secrets_sealed = \(sealed),
                next_token_issued_at = now(), next_token_used_at = NULL
            WHERE org_id = \(org) AND admin_token_hash IS NOT NULL AND confirmed_at IS NOT NULL
                AND next_token_hash IS NULL
            """) == 1
    }

    /// The tenant's secrets with the token that is to follow, sealed; nil when none is to.
    package func nextSealed(org: UUID) async throws -> [UInt8]? {
        try await database.query(
            """
            SELECT next_secrets_sealed FROM tenants
            WHERE org_id = \(org) AND admin_token_hash IS NOT NULL AND next_token_hash IS NOT NULL
            """
        ).first?["next_secrets_sealed", as: [UInt8]?.self]
    }

    /// The next becomes the present one, and the one before opens nothing from here on.
    /// - Parameter token: it must be the next; nil: whichever that is
    /// - Returns: false when it is not
    package func promote(org: UUID, token: TokenHash? = nil) async throws -> Bool {
        try await database.execute(
            """
            UPDATE tenants SET admin_token_hash = next_token_hash, secrets_sealed = next_secrets_sealed,
                token_rotated_at = now(), next_token_hash = NULL, next_secrets_sealed = NULL,
                next_token_issued_at = NULL, next_token_used_at = NULL
            WHERE org_id = \(org) AND next_token_hash IS NOT NULL AND admin_token_hash IS NOT NULL
                AND coalesce(next_token_hash = \(token?.bytes)::bytea, true)
            """) == 1
    }

    /// The present one stays, and none follows.
    /// - Returns: whether one was to
    @discardableResult
    func withdraw(org: UUID) async throws -> Bool {
        try await database.execute(
            """
            UPDATE tenants SET next_token_hash = NULL, next_secrets_sealed = NULL,
                next_token_issued_at = NULL, next_token_used_at = NULL
            WHERE org_id = \(org) AND next_token_hash IS NOT NULL
            """) == 1
    }

    package func state(org: UUID) async throws -> RotationState? {
        let rows = try await database.query(
            """
            SELECT next_token_hash IS NOT NULL AS is_pending, next_token_issued_at, next_token_used_at,
                token_rotated_at
            FROM tenants WHERE org_id = \(org)
            """)
        return try rows.first.map { row in
            RotationState(
                isPending: try row["is_pending", as: Bool.self],
                issuedAt: try row["next_token_issued_at", as: Date?.self],
                usedAt: try row["next_token_used_at", as: Date?.self],
                rotatedAt: try row["token_rotated_at", as: Date?.self])
        }
    }
}

/// Where the rotation of a tenant's admin token stands.
package struct RotationState: Sendable, Codable {
    /// Two tokens are valid.
    var isPending: Bool
    /// Of the one that is to follow.
    var issuedAt: Date?
    /// When it was first presented.
    var usedAt: Date?
    /// The last time that one followed another.
    var rotatedAt: Date?

    enum CodingKeys: String, CodingKey {
        case isPending = "pending"
        case issuedAt = "next_issued_at"
        case usedAt = "next_used_at"
        case rotatedAt = "rotated_at"
    }
}
