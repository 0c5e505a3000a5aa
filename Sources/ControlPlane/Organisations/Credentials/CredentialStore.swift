import AdminProtocol
import Digests
import FoundationEssentials
import Postgres

/// The rows of `credentials`.
package struct CredentialStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// What a credential begins with.
    package struct New: Sendable {
        package var name: String
        package var role: OperatorRole?
        package var scopes: Set<Scope> = []
        package var partnerID: String?
        package var orgID: UUID?
        package var rateLimit: Int?
        /// nil: it does not expire.
        package var expiresInDays: Int?
        /// As `Credential.createdBy`.
        package var createdBy: String

        package init(
            name: String, role: OperatorRole? = nil, scopes: Set<Scope> = [], partnerID: String? = nil,
            orgID: UUID? = nil, rateLimit: Int? = nil, expiresInDays: Int? = nil, createdBy: String
        ) {
            self.name = name
            self.role = role
            self.scopes = scopes
            self.partnerID = partnerID
            self.orgID = orgID
            self.rateLimit = rateLimit
            self.expiresInDays = expiresInDays
            self.createdBy = createdBy
        }
    }

    package func insert(_ new: New, _ token: CredentialToken) async throws -> Credential {
        let rows = try await database.query(
            """
            INSERT INTO credentials (id, kind, name, token_hash, token_prefix, role, scopes, partner_id,
                org_id, rate_limit, created_by, expires_at)
            VALUES (\(UUID()), \(token.kind.rawValue), \(new.name), \(token.hash.bytes), \(token.shownPrefix),
                \(new.role?.rawValue), \(new.scopes.map(\.rawValue).sorted()), \(new.partnerID),
                \(new.orgID), \(new.rateLimit), \(new.createdBy),
                now() + make_interval(days => \(new.expiresInDays)::int))
            RETURNING \(Credential.columns)
            """)
        return try Credential(rows[0])
    }

    /// Those that are not revoked, newest first, expired ones with them.
    package func list(_ kind: CredentialKind, org: UUID? = nil, limit: Int) async throws -> [Credential] {
        let rows = try await database.query(
            """
            SELECT \(Credential.columns) FROM credentials
            WHERE kind = \(kind.rawValue) AND revoked_at IS NULL
                AND (\(org)::uuid IS NULL OR org_id = \(org))
            ORDER BY created_at DESC, id LIMIT \(limit)
            """)
        return try rows.map(Credential.init)
    }

    package func countLiving(_ kind: CredentialKind, org: UUID) async throws -> Int {
        try await database.query(
            """
            SELECT count(*)::int AS n FROM credentials
            WHERE kind = \(kind.rawValue) AND org_id = \(org) AND revoked_at IS NULL
                AND coalesce(expires_at > now(), true)
            """)[0]["n", as: Int.self]
    }

    /// - Returns: what it was; nil when there is none of that kind (and organisation), or it was revoked
    ///   before.
    package func revoke(_ id: UUID, _ kind: CredentialKind, org: UUID? = nil) async throws -> Credential? {
        let rows = try await database.query(
            """
            UPDATE credentials SET revoked_at = now()
            WHERE id = \(id) AND kind = \(kind.rawValue) AND revoked_at IS NULL
                AND (\(org)::uuid IS NULL OR org_id = \(org))
            RETURNING \(Credential.columns)
            """)
        return try rows.first.map(Credential.init)
    }

    /// Whether there is one, revoked or not.
    package func exists(_ id: UUID, _ kind: CredentialKind, org: UUID? = nil) async throws -> Bool {
        try await !database.query(
            """
            SELECT 1 AS one FROM credentials
            WHERE id = \(id) AND kind = \(kind.rawValue) AND (\(org)::uuid IS NULL OR org_id = \(org))
            """
        ).isEmpty
    }

    /// Nothing that reaches only this organisation opens anything from here on.
    package func revokeAll(org: UUID) async throws {
        try await database.execute(
            "UPDATE credentials SET revoked_at = now() WHERE org_id = \(org) AND revoked_at IS NULL")
    }
}

// MARK: - Proving

extension CredentialStore {
    /// Seconds within which a use is not written again.
    static let usePrecision = 60.0

    /// Who presents the token.
    /// - Throws: `unauthenticated` for a token that is unknown, revoked, malformed or of another kind, the
    ///   same for all; `api_key_expired` for one that was right once.
    package func prove(_ text: String, _ kinds: Set<CredentialKind>) async throws -> Credential {
        guard let token = CredentialToken(text), kinds.contains(token.kind) else {
            throw AppError.unauthenticated
        }
        let hash = token.hash
        let rows = try await database.query(
            """
            SELECT token_hash,
                coalesce(extract(epoch FROM now() - last_used_at), \(Self.usePrecision))::float8 AS unused,
                \(Credential.columns)
            FROM credentials
            WHERE token_hash = \(hash.bytes) AND kind = \(token.kind.rawValue) AND revoked_at IS NULL
            """)
        guard let row = rows.first, hash.matches(TokenHash(bytes: try row["token_hash", as: [UInt8].self]))
        else { throw AppError.unauthenticated }
        let credential = try Credential(row)
        guard !credential.isExpired else { throw AppError.apiKeyExpired }
        if try row["unused", as: Double.self] >= Self.usePrecision { try await recordUse(credential.id) }
        return credential
    }

    private func recordUse(_ id: UUID) async throws {
        try await database.execute(
            """
            UPDATE credentials SET last_used_at = now() WHERE id = \(id)
                AND coalesce(last_used_at < now() - make_interval(secs => \(Self.usePrecision)), true)
            """)
    }
}

extension AppError {
    /// The contract's words. Only who has held the token hears them.
    static let apiKeyExpired = AppError(.unauthorized, "api_key_expired", "API key expired")
}
