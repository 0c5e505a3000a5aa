import Digests
import FoundationEssentials
import Postgres

/// The rows of `invitations`. The link's token is nowhere but in the link.
package struct InvitationStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// How long a link is good for.
    package static let lifetime: Duration = .seconds(604_800)
    /// Links that may be open at once in one organisation.
    package static let maximumOpen = 100

    private var isOpen: SQL { "accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now()" }

    /// An earlier link for the same address is good no more.
    package func insert(
        org: UUID, email: EmailAddress, role: OrgRole, token: TokenHash, invitedBy: String
    ) async throws -> Invitation {
        try await database.execute(
            """
            UPDATE invitations SET revoked_at = now()
            WHERE org_id = \(org) AND email = \(email.text) AND accepted_at IS NULL AND revoked_at IS NULL
            """)
        let seconds = Double(Self.lifetime.wholeSeconds)
        let rows = try await database.query(
            """
            INSERT INTO invitations (id, org_id, email, role, token_hash, invited_by, expires_at)
            VALUES (\(UUID()), \(org), \(email.text), \(role.rawValue), \(token.bytes), \(invitedBy),
                now() + make_interval(secs => \(seconds)))
            RETURNING \(Invitation.columns)
            """)
        return try Invitation(rows[0])
    }

    /// Newest first.
    package func open(org: UUID) async throws -> [Invitation] {
        let rows = try await database.query(
            """
            SELECT \(Invitation.columns) FROM invitations WHERE org_id = \(org) AND \(isOpen)
            ORDER BY created_at DESC, id
            """)
        return try rows.map(Invitation.init)
    }

    /// - Returns: what was revoked; nil when there was none open.
    package func revoke(id: UUID, org: UUID) async throws -> Invitation? {
        let rows = try await database.query(
            """
            UPDATE invitations SET revoked_at = now() WHERE id = \(id) AND org_id = \(org) AND \(isOpen)
            RETURNING \(Invitation.columns)
            """)
        return try rows.first.map(Invitation.init)
    }

    /// The open invitation of that link, with its living organisation.
    package func find(token: TokenHash) async throws -> (invitation: Invitation, org: UUID)? {
        let rows = try await database.query(
            """
            SELECT \(Invitation.columns), org_id FROM invitations
            WHERE token_hash = \(token.bytes) AND \(isOpen)
                AND EXISTS (SELECT 1 FROM orgs WHERE orgs.id = org_id AND status <> 'purged')
            """)
        return try rows.first.map { (try Invitation($0), try $0["org_id"]) }
    }

    /// - Returns: whether it was still open.
    package func accept(id: UUID, by user: String) async throws -> Bool {
        try await database.execute(
            """
            UPDATE invitations SET accepted_at = now(), accepted_by = \(user)
            WHERE id = \(id) AND \(isOpen)
            """) == 1
    }
}
