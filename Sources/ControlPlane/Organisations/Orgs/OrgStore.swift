import AdminProtocol
import FoundationEssentials
import Postgres

/// The rows of `orgs`. Status moves only along the transitions written here.
package struct OrgStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// - Throws: `slug_taken` (409) when a living organisation has the slug.
    package func insert(
        id: UUID, slug: Slug, name: String, ownerUserID: String, partnerID: String? = nil,
        plan: OrgPlan = .free
    ) async throws -> Org {
        let status: Org.Status = plan.isFree ? .provisioning : .awaitingPayment
        do {
            let rows = try await database.query(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, partner_id, plan, status)
                VALUES (\(id), \(slug.text), \(name), \(ownerUserID), \(partnerID), \(plan.name),
                    \(status.rawValue))
                RETURNING \(Org.columns)
                """)
            return try Org(rows[0])
        } catch let error as PostgresError where error.isUniqueViolation {
            throw AppError(
                .conflict, "slug_taken",
                "The slug \"\(slug)\" is taken. Choose another, or delete its organisation.")
        }
    }

    /// The living organisation of that slug.
    package func find(slug: Slug) async throws -> Org? {
        let rows = try await database.query(
            "SELECT \(Org.columns) FROM orgs WHERE slug = \(slug.text) AND status <> 'purged'")
        return try rows.first.map(Org.init)
    }

    /// - Throws: `org_not_found` (404).
    package func require(slug: Slug) async throws -> Org {
        guard let org = try await find(slug: slug) else { throw AppError.orgNotFound(slug.text) }
        return org
    }

    package func find(id: UUID) async throws -> Org? {
        let rows = try await database.query("SELECT \(Org.columns) FROM orgs WHERE id = \(id)")
        return try rows.first.map(Org.init)
    }

    /// Whether an organisation of that slug once lived and was purged.
    package func wasPurged(slug: Slug) async throws -> Bool {
        let rows = try await database.query(
            "SELECT 1 AS one FROM orgs WHERE slug = \(slug.text) AND status = 'purged' LIMIT 1")
        return !rows.isEmpty
    }

    /// Newest first.
    package func list(limit: Int, offset: Int) async throws -> [Org] {
        let rows = try await database.query(
            """
            SELECT \(Org.columns) FROM orgs WHERE status <> 'purged'
            ORDER BY created_at DESC, id LIMIT \(limit) OFFSET \(offset)
            """)
        return try rows.map(Org.init)
    }

    /// Living ones that the user belongs to, in order of their slugs.
    package func list(member: String) async throws -> [(org: Org, role: OrgRole)] {
        let rows = try await database.query(
            """
            SELECT \(Org.columns), role FROM orgs
                JOIN (SELECT org_id, role FROM memberships WHERE user_id = \(member)) AS mine
                ON mine.org_id = orgs.id
            WHERE status <> 'purged' ORDER BY slug
            """)
        return try rows.map { (try Org($0), try $0.decode("role", as: OrgRole.self)) }
    }

    /// Living ones that the key reaches, in order of their slugs: as `Credential.reaches` says.
    package func list(reachedBy key: Credential) async throws -> [Org] {
        let rows = try await database.query(
            """
            SELECT \(Org.columns) FROM orgs WHERE status <> 'purged' AND CASE
                WHEN \(key.orgID)::uuid IS NOT NULL THEN id = \(key.orgID)::uuid
                ELSE partner_id = \(key.partnerID)::text END
            ORDER BY slug LIMIT \(Self.maximumListed)
            """)
        return try rows.map(Org.init)
    }

    /// Of one partner's list.
    package static let maximumListed = 1_000

    package func setCanary(id: UUID, _ isCanary: Bool) async throws {
        try await database.execute(
            "UPDATE orgs SET is_canary = \(isCanary), updated_at = now() WHERE id = \(id)")
    }

    /// One that waited for its payment.
    package func markPaid(id: UUID) async throws {
        try await database.execute(
            """
            UPDATE orgs SET status = 'provisioning', updated_at = now()
            WHERE id = \(id) AND status = 'awaiting_payment'
            """)
    }

    /// - Returns: whether it was provisioning; otherwise nothing changed.
    @discardableResult
    package func markRunning(id: UUID) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET status = 'running', failure_code = NULL, failure_message = NULL,
                updated_at = now()
            WHERE id = \(id) AND status = 'provisioning'
            """) == 1
    }

    /// Keeps the first reason: a later failure is a consequence.
    /// - Returns: whether it was provisioning; otherwise nothing changed.
    @discardableResult
    package func markFailed(id: UUID, code: String, message: String) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET status = 'failed', failure_code = \(code), failure_message = \(message),
                updated_at = now()
            WHERE id = \(id) AND status = 'provisioning'
            """) == 1
    }

    /// A failed one is provisioned again, or a retained one restored.
    /// - Returns: whether it could be; otherwise nothing changed.
    package func markProvisioningAgain(id: UUID) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET status = 'provisioning', failure_code = NULL, failure_message = NULL,
                retained_until = NULL, purged_at = NULL, updated_at = now()
            WHERE id = \(id)
                AND (status = 'failed' OR status = 'purged' AND retained_until IS NOT NULL)
            """) == 1
    }

    /// Nothing is left but the volume's snapshot, kept for some days.
    package func markRetained(id: UUID, days: Int) async throws {
        try await database.execute(
            """
            UPDATE orgs SET status = 'purged', failure_code = NULL, failure_message = NULL,
                retained_until = now() + make_interval(days => \(days)::int), purged_at = now(),
                updated_at = now()
            WHERE id = \(id)
            """)
    }

    /// From here on a retained organisation cannot be restored.
    /// - Returns: whether it was retained.
    package func endRetention(id: UUID) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET retained_until = NULL, updated_at = now()
            WHERE id = \(id) AND status = 'purged' AND retained_until IS NOT NULL
            """) == 1
    }

    /// The deleted organisation of that slug that can still be restored.
    package func findRetained(slug: Slug) async throws -> Org? {
        let rows = try await database.query(
            """
            SELECT \(Org.columns) FROM orgs
            WHERE slug = \(slug.text) AND status = 'purged' AND retained_until IS NOT NULL
            """)
        return try rows.first.map(Org.init)
    }

    package func markDeprovisioning(id: UUID) async throws {
        try await database.execute(
            """
            UPDATE orgs SET status = 'deprovisioning', updated_at = now()
            WHERE id = \(id) AND status <> 'purged'
            """
        )
    }

    /// Keeps the record that it lived, and forgets who it was.
    package func markPurged(id: UUID) async throws {
        try await database.execute(
            """
            UPDATE orgs SET status = 'purged', name = '', owner_user_id = '', failure_code = NULL,
                failure_message = NULL, retained_until = NULL, purged_at = coalesce(purged_at, now()),
                updated_at = now()
            WHERE id = \(id)
            """)
    }
}
