import FoundationEssentials
import Postgres

/// The rows of `rollout_tenants` of one rollout.
struct RolloutTenantStore: Sendable {
    let database: any PostgresExecutor
    let rolloutID: UUID

    /// - Throws: `rollout_in_progress` (409) when a tenant is in a rollout that has not ended.
    func insert(_ plan: RolloutPlan) async throws {
        var rows = Columns()
        for (wave, tenants) in plan.waves.enumerated() {
            for tenant in tenants { rows.add(tenant.orgID, tenant.slug, wave, tenant.digest, nil) }
        }
        for skip in plan.skipped {
            rows.add(skip.orgID, skip.slug, 0, skip.digest, skip.reason.rawValue)
        }
        do {
            try await database.execute(
                """
                INSERT INTO rollout_tenants (rollout_id, org_id, slug, wave, position, digest_before,
                    outcome, reason_code, is_open, finished_at)
                SELECT \(rolloutID), org_id, slug, wave, position, nullif(digest, ''),
                    CASE WHEN reason = '' THEN 'pending' ELSE 'skipped' END, nullif(reason, ''),
                    reason = '', CASE WHEN reason = '' THEN NULL ELSE now() END
                FROM unnest(\(rows.orgs), \(rows.slugs)::text[], \(rows.waves)::int[],
                    \(rows.digests)::text[], \(rows.reasons)::text[]) WITH ORDINALITY
                    AS t (org_id, slug, wave, digest, reason, position)
                """)
        } catch let error as PostgresError where error.isUniqueViolation {
            throw RolloutOverlap()
        }
    }

    private struct Columns {
        var orgs: [UUID] = []
        var slugs: [String] = []
        var waves: [Int] = []
        var digests: [String] = []
        var reasons: [String] = []

        mutating func add(_ org: UUID, _ slug: String, _ wave: Int, _ digest: String?, _ reason: String?) {
            orgs.append(org)
            slugs.append(slug)
            waves.append(wave)
            digests.append(digest ?? "")
            reasons.append(reason ?? "")
        }
    }

    func tally() async throws -> RolloutTally {
        let rows = try await database.query(
            """
            SELECT wave, outcome, verdict, count(*)::int AS n FROM rollout_tenants
            WHERE rollout_id = \(rolloutID) GROUP BY wave, outcome, verdict
            """)
        let live = try await database.query(
            """
            SELECT count(DISTINCT batch)::int AS n FROM rollout_tenants
            WHERE rollout_id = \(rolloutID) AND batch IS NOT NULL
                AND (outcome IN ('updating', 'reverting') OR verdict = 'pending')
            """)
        return RolloutTally(
            groups: try rows.map { row in
                RolloutTally.Group(
                    wave: try row["wave"], outcome: try row.decode("outcome", as: RolloutTenant.Outcome.self),
                    verdict: try row["verdict", as: String?.self].flatMap(RolloutTenant.Verdict.init),
                    count: try row["n"])
            }, liveBatches: try live[0]["n", as: Int.self])
    }

    // MARK: Batches

    private var nextBatch: SQL {
        "(SELECT coalesce(max(batch), 0) + 1 FROM rollout_tenants WHERE rollout_id = \(rolloutID))"
    }

    /// The next tenants of the wave whose time has come are in one batch from now on.
    /// - Returns: its number; nil when none is due.
    func takeBatch(wave: Int, size: Int) async throws -> Int? {
        try await taken(
            """
            UPDATE rollout_tenants SET outcome = 'updating', batch = \(nextBatch)
            WHERE rollout_id = \(rolloutID) AND org_id IN (
                SELECT org_id FROM rollout_tenants
                WHERE rollout_id = \(rolloutID) AND wave = \(wave) AND outcome = 'pending'
                    AND due_at <= now()
                ORDER BY position LIMIT \(size))
            RETURNING batch
            """)
    }

    /// The next tenants that go back to the same image.
    func takeRevertBatch(size: Int) async throws -> Int? {
        try await taken(
            """
            UPDATE rollout_tenants SET batch = \(nextBatch)
            WHERE rollout_id = \(rolloutID) AND org_id IN (
                SELECT org_id FROM rollout_tenants
                WHERE rollout_id = \(rolloutID) AND outcome = 'reverting' AND batch IS NULL
                    AND due_at <= now() AND digest_before = (
                        SELECT digest_before FROM rollout_tenants
                        WHERE rollout_id = \(rolloutID) AND outcome = 'reverting' AND batch IS NULL
                            AND due_at <= now()
                        ORDER BY position LIMIT 1)
                ORDER BY position LIMIT \(size))
            RETURNING batch
            """)
    }

    private func taken(_ statement: SQL) async throws -> Int? {
        try await database.query(statement).first?["batch", as: Int.self]
    }

    func batch(_ number: Int) async throws -> [RolloutTenant] {
        try await database.query(
            """
            SELECT \(RolloutTenant.columns) FROM rollout_tenants
            WHERE rollout_id = \(rolloutID) AND batch = \(number) ORDER BY position
            """
        ).map(RolloutTenant.init)
    }

    /// nil when the tenant is in none now.
    func batch(of org: UUID) async throws -> Int? {
        try await database.query(
            "SELECT batch FROM rollout_tenants WHERE rollout_id = \(rolloutID) AND org_id = \(org)"
        ).first?["batch", as: Int?.self]
    }

    /// Numbers of the batches whose tenants are to be asked how they fare.
    /// - Parameter again: only those that could not be judged.
    func askForVerdicts(wave: Int, again: Bool) async throws -> [Int] {
        let rows = try await database.query(
            """
            WITH asked AS (
                UPDATE rollout_tenants SET verdict = 'pending'
                WHERE rollout_id = \(rolloutID) AND wave = \(wave) AND outcome = 'updated'
                    AND (verdict IS NULL OR \(again) AND verdict = 'inconclusive')
                RETURNING batch
            )
            SELECT DISTINCT batch FROM asked ORDER BY batch
            """)
        return try rows.map { try $0["batch", as: Int.self] }
    }

    // MARK: One tenant

    func begin(_ org: UUID, redeploy: UUID, digestBefore: String?) async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET redeploy_id = \(redeploy),
                digest_before = coalesce(digest_before, \(digestBefore))
            WHERE rollout_id = \(rolloutID) AND org_id = \(org)
            """)
    }

    func settle(
        _ org: UUID, _ outcome: RolloutTenant.Outcome, digestAfter: String?, code: String?, reason: String?
    ) async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET outcome = \(outcome.rawValue),
                digest_after = coalesce(\(digestAfter), digest_after), verdict = NULL,
                reason_code = coalesce(\(code), reason_code), reason = coalesce(\(reason), reason),
                finished_at = now()
            WHERE rollout_id = \(rolloutID) AND org_id = \(org)
            """)
    }

    func judge(_ org: UUID, _ verdict: RolloutTenant.Verdict, code: String?, reason: String?) async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET verdict = \(verdict.rawValue), reason_code = \(code),
                reason = \(reason)
            WHERE rollout_id = \(rolloutID) AND org_id = \(org) AND verdict = 'pending'
            """)
    }

    /// Nothing was sent to it: later again, in the same wave.
    func putBack(_ org: UUID, afterSeconds: Int) async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET batch = NULL,
                due_at = now() + make_interval(secs => \(Double(afterSeconds))),
                outcome = CASE outcome WHEN 'updating' THEN 'pending' ELSE outcome END
            WHERE rollout_id = \(rolloutID) AND org_id = \(org)
            """)
    }

    /// How long between two tries of an instance that is away.
    static let offlinePause = 30

    /// Nothing was sent to it: again when the others are through, while the window is open.
    /// - Parameter wave: behind the planned ones.
    func putOff(_ org: UUID, toWave wave: Int) async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET offline_since = coalesce(offline_since, now()),
                wave = CASE outcome WHEN 'updating' THEN \(wave)::int ELSE wave END
            WHERE rollout_id = \(rolloutID) AND org_id = \(org)
            """)
        try await putBack(org, afterSeconds: Self.offlinePause)
    }

    /// Gives up those that are away for longer than the window.
    /// - Returns: slugs.
    func giveUpOffline(afterSeconds: Int) async throws -> [String] {
        let rows = try await database.query(
            """
            UPDATE rollout_tenants SET finished_at = now(), reason_code = \(Redeploy.unreachableCode),
                reason = \(Redeploy.unreachableMessage),
                outcome = CASE outcome WHEN 'pending' THEN 'untouched' ELSE 'failed' END
            WHERE rollout_id = \(rolloutID) AND batch IS NULL AND outcome IN ('pending', 'reverting')
                AND offline_since <= now() - make_interval(secs => \(Double(afterSeconds)))
            RETURNING slug
            """)
        return try rows.map { try $0["slug", as: String.self] }
    }

    // MARK: The end

    /// Those in the scope that run the new image go back to what they had.
    /// - Parameter wave: nil: all.
    /// - Returns: how many.
    func revert(wave: Int?, digest: String) async throws -> Int {
        try await database.execute(
            """
            UPDATE rollout_tenants SET outcome = 'reverting', batch = NULL, verdict = NULL,
                offline_since = NULL, due_at = now(), is_open = true, finished_at = NULL
            WHERE rollout_id = \(rolloutID) AND (wave = \(wave)::int OR \(wave)::int IS NULL)
                AND outcome IN ('updated', 'failed') AND digest_after = \(digest)
                AND digest_before <> \(digest)
            """)
    }

    /// Those that were to go back, and did not.
    func stillOn(digest: String) async throws -> Int {
        try await database.query(
            """
            SELECT count(*)::int AS n FROM rollout_tenants
            WHERE rollout_id = \(rolloutID) AND outcome = 'failed' AND digest_after = \(digest)
            """)[0]["n", as: Int.self]
    }

    /// What never began is untouched; from here on another rollout may have them all.
    func close() async throws {
        try await database.execute(
            """
            UPDATE rollout_tenants SET is_open = false,
                outcome = CASE outcome WHEN 'pending' THEN 'untouched' ELSE outcome END,
                finished_at = coalesce(finished_at, now())
            WHERE rollout_id = \(rolloutID) AND (is_open OR outcome = 'pending')
            """)
    }
}

/// A tenant of the plan is in another rollout.
struct RolloutOverlap: Error {}
