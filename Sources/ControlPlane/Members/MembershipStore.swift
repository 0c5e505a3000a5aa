import FoundationEssentials
import Postgres

/// The rows of `memberships`: who belongs to which organisation, and as what.
struct MembershipStore: Sendable {
    let database: any PostgresExecutor

    /// The organisation of that slug in which the user is a member: the living one, or one that was deleted
    /// and is retained.
    func find(slug: Slug, user: String) async throws -> (org: Org, role: OrgRole)? {
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
    func addFounder(org: UUID, user: String) async throws {
        try await UserStore(database: database).mention(user)
        try await database.execute(
            """
            INSERT INTO memberships (org_id, user_id, role) VALUES (\(org), \(user), 'owner')
            ON CONFLICT (org_id, user_id) DO UPDATE SET role = 'owner'
            """)
    }

    /// What the purge of an organisation leaves of them: nothing.
    func forget(org: UUID) async throws {
        try await database.execute("DELETE FROM memberships WHERE org_id = \(org)")
    }
}
