import AdminProtocol
import FoundationEssentials
import Postgres

/// The rows of `memberships`: who belongs to which organisation, and as what.
package struct MembershipStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// The organisation of that slug in which the user is a member: the living one, or one that was deleted
    /// and is retained.
    package func find(slug: Slug, user: String) async throws -> (org: Org, role: OrgRole)? {
        let rows = try await database.query(
            """
            SELECT \(Org.columns), role FROM orgs
                JOIN (SELECT org_id, role FROM memberships WHERE user_id = \(user)) AS mine
                ON mine.org_id = orgs.id
            WHERE slug = \(slug.text) AND (status <> 'purged' OR retained_until IS NOT NULL)
            ORDER BY status = 'purged', purged_at DESC LIMIT 1
            """)
        return try rows.first.map { (try Org($0), try $0.decode("role", as: OrgRole.self)) }
    }

    /// The first owner of a new organisation, who may not have signed in yet.
    package func addFounder(org: UUID, user: String) async throws {
        try await UserStore(database: database).mention(user)
        try await database.execute(
            """
            INSERT INTO memberships (org_id, user_id, role) VALUES (\(org), \(user), 'owner')
            ON CONFLICT (org_id, user_id) DO UPDATE SET role = 'owner'
            """)
    }

    /// Living organisations that one person may own, before an operator creates more for them.
    static let maximumOwned = 10

    /// Somebody who signs up several times at once is taken one after the other.
    /// - Throws: `too_many_orgs` (409).
    package func requireRoom(owner user: String) async throws {
        _ = try await database.query("SELECT id FROM users WHERE id = \(user) FOR NO KEY UPDATE")
        let rows = try await database.query(
            """
            SELECT count(*) AS n FROM memberships JOIN orgs ON orgs.id = org_id
            WHERE user_id = \(user) AND role = 'owner' AND status <> 'purged'
            """)
        guard try rows[0]["n", as: Int.self] < Self.maximumOwned else {
            throw AppError(
                .conflict, "too_many_orgs",
                "You own \(Self.maximumOwned) organisations, the most that one person may create.")
        }
    }

    /// Whoever founded an organisation that nobody belongs to owns it: it was created by a version that
    /// wrote no memberships, and that may run beside this one.
    package func claimFounded(user: String) async throws {
        try await database.execute(
            """
            INSERT INTO memberships (org_id, user_id, role)
            SELECT id, \(user), 'owner' FROM orgs WHERE owner_user_id = \(user) AND status <> 'purged'
                AND NOT EXISTS (SELECT 1 FROM memberships WHERE org_id = orgs.id)
            ON CONFLICT DO NOTHING
            """)
    }

    /// Whether the user belongs to the living organisation of that slug.
    package func isMember(user: String, slug: Slug) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT EXISTS (
                SELECT 1 FROM orgs JOIN memberships ON org_id = orgs.id
                WHERE slug = \(slug.text) AND status <> 'purged' AND user_id = \(user)) AS is_member
            """)
        return try rows[0]["is_member"]
    }

    /// The preferred organisation if the user belongs to it, else the one they have belonged to for longest.
    package func firstOrg(of user: String, preferring org: UUID?) async throws -> UUID? {
        let rows = try await database.query(
            """
            SELECT org_id FROM memberships JOIN orgs ON orgs.id = org_id
            WHERE user_id = \(user) AND status <> 'purged'
            ORDER BY org_id IS NOT DISTINCT FROM \(org) DESC, memberships.created_at, org_id LIMIT 1
            """)
        return try rows.first?["org_id"]
    }

    package func list(org: UUID) async throws -> [Member] {
        let rows = try await database.query(
            """
            SELECT user_id, email, role, memberships.created_at FROM memberships
                JOIN users ON users.id = user_id
            WHERE org_id = \(org) ORDER BY memberships.created_at, user_id
            """)
        return try rows.map(Member.init)
    }

    package func role(of user: String, in org: UUID) async throws -> OrgRole? {
        let rows = try await database.query(
            "SELECT role FROM memberships WHERE org_id = \(org) AND user_id = \(user)")
        return try rows.first?.decode("role", as: OrgRole.self)
    }

    package func count(org: UUID, role: OrgRole? = nil) async throws -> Int {
        let rows = try await database.query(
            """
            SELECT count(*) AS n FROM memberships
            WHERE org_id = \(org) AND role = coalesce(\(role?.rawValue), role)
            """)
        return try rows[0]["n"]
    }

    /// Members of one organisation change one after the other: two owners who leave at once would each see
    /// the other stay.
    package func lock(org: UUID) async throws {
        _ = try await database.query("SELECT id FROM orgs WHERE id = \(org) FOR NO KEY UPDATE")
    }

    /// A member keeps the role that they have.
    package func add(_ user: String, to org: UUID, as role: OrgRole) async throws {
        try await database.execute(
            """
            INSERT INTO memberships (org_id, user_id, role) VALUES (\(org), \(user), \(role.rawValue))
            ON CONFLICT DO NOTHING
            """)
    }

    package func setRole(of user: String, in org: UUID, to role: OrgRole) async throws {
        try await database.execute(
            """
            UPDATE memberships SET role = \(role.rawValue) WHERE org_id = \(org) AND user_id = \(user)
            """)
    }

    package func remove(_ user: String, from org: UUID) async throws {
        try await database.execute(
            "DELETE FROM memberships WHERE org_id = \(org) AND user_id = \(user)")
    }

    /// What the purge of an organisation leaves of them, and of invitations: nothing.
    package func forget(org: UUID) async throws {
        try await database.execute("DELETE FROM invitations WHERE org_id = \(org)")
        try await database.execute("DELETE FROM memberships WHERE org_id = \(org)")
    }
}
