import FoundationEssentials
import Organisations
import Postgres

/// The rows of `redeploys`. A tenant has at most one that has not ended.
package struct RedeployStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package struct New: Sendable {
        package var id: UUID
        package var orgID: UUID
        package var replacement: Replacement
        package var targetTag: String?
        /// Asked for; of a refresh, the one that runs.
        package var digest: String
        package var previousDigest: String?
        package var rolloutID: UUID?

        package init(
            id: UUID, orgID: UUID, replacement: Replacement, targetTag: String? = nil, digest: String,
            previousDigest: String? = nil, rolloutID: UUID? = nil
        ) {
            self.id = id
            self.orgID = orgID
            self.replacement = replacement
            self.targetTag = targetTag
            self.digest = digest
            self.previousDigest = previousDigest
            self.rolloutID = rolloutID
        }
    }

    /// - Returns: false when the tenant has one that has not ended, or its instance gets another type;
    ///   nothing is written then.
    package func insert(_ new: New) async throws -> Bool {
        try await database.execute(
            """
            INSERT INTO redeploys (id, org_id, service, is_refresh, target_tag, digest, previous_digest,
                rollout_id, phase)
            SELECT \(new.id), org_id, \(new.replacement.service.rawValue),
                \(new.replacement.image == nil), \(new.targetTag), \(new.digest), \(new.previousDigest),
                \(new.rolloutID)::uuid, 'sending'
            FROM tenants WHERE org_id = \(new.orgID) AND resize_id IS NULL FOR NO KEY UPDATE
            ON CONFLICT (org_id) WHERE finished_at IS NULL DO NOTHING
            """) == 1
    }

    func recordCommand(_ ids: [UUID], commandID: String) async throws {
        try await database.execute(
            """
            UPDATE redeploys SET ssm_command_id = \(commandID), phase = 'running'
            WHERE id = ANY(\(ids)) AND finished_at IS NULL
            """)
    }

    package func finish(_ id: UUID, _ result: RedeployResult) async throws {
        try await database.execute(
            """
            UPDATE redeploys SET phase = \(result.phase.rawValue), ssm_status = \(result.ssmStatus),
                ssm_exit_code = \(result.exitCode), healthz_ok = \(result.isHealthy),
                previous_digest = coalesce(\(result.report?.previousDigest), previous_digest),
                final_digest = \(result.report?.digest), error_code = \(result.errorCode),
                error = \(result.message), finished_at = now()
            WHERE id = \(id) AND finished_at IS NULL
            """)
    }

    package func fail(_ id: UUID, code: String, message: String) async throws {
        try await database.execute(
            """
            UPDATE redeploys SET phase = 'failed', error_code = \(code), error = \(message),
                finished_at = now()
            WHERE id = \(id) AND finished_at IS NULL
            """)
    }

    /// It never began: nothing is told of it.
    package func delete(_ id: UUID) async throws {
        try await database.execute("DELETE FROM redeploys WHERE id = \(id) AND finished_at IS NULL")
    }

    package func find(_ id: UUID, org: Org) async throws -> Redeploy? {
        let rows = try await database.query(
            "SELECT \(Redeploy.columns) FROM redeploys WHERE id = \(id) AND org_id = \(org.id)")
        return try rows.first.map { try Redeploy($0, slug: org.slug) }
    }

    /// Newest first: the history of the tenant's images.
    package func list(org: Org, limit: Int) async throws -> [Redeploy] {
        let rows = try await database.query(
            """
            SELECT \(Redeploy.columns) FROM redeploys WHERE org_id = \(org.id)
            ORDER BY created_at DESC LIMIT \(limit)
            """)
        return try rows.map { try Redeploy($0, slug: org.slug) }
    }

    /// The redeploy of the organisation that has not ended, and the rollout that it belongs to.
    package func live(org: UUID) async throws -> (id: UUID, rollout: UUID?)? {
        let rows = try await database.query(
            "SELECT id, rollout_id FROM redeploys WHERE org_id = \(org) AND finished_at IS NULL")
        return try rows.first.map { (try $0["id", as: UUID.self], try $0["rollout_id", as: UUID?.self]) }
    }

    /// How many of the last redeploys `medianSeconds` looks at.
    static let sample = 100

    /// Of those that put another image in place; nil before the first.
    func medianSeconds() async throws -> Double? {
        try await database.query(
            """
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS median FROM (
                SELECT extract(epoch FROM finished_at - created_at) AS seconds FROM redeploys
                WHERE phase = 'updated' AND finished_at IS NOT NULL
                ORDER BY finished_at DESC LIMIT \(Self.sample)) AS last
            """)[0]["median", as: Double?.self]
    }
}

extension Redeploy {
    package static let columns: SQL =
        """
        id, service, is_refresh, rollout_id, phase, target_tag, previous_digest, digest, final_digest,
            ssm_status, ssm_exit_code, healthz_ok, error_code, error, created_at,
            (extract(epoch FROM finished_at - created_at) * 1000)::int AS duration_ms
        """

    package init(_ row: Row, slug: String) throws {
        self.slug = slug
        id = try row["id", as: UUID.self]
        service = try row.decode("service", as: StackService.self)
        isRefresh = try row["is_refresh", as: Bool.self]
        rolloutID = try row["rollout_id", as: UUID?.self]
        phase = try row.decode("phase", as: Phase.self)
        targetTag = try row["target_tag", as: String?.self]
        previousDigest = try row["previous_digest", as: String?.self]
        digest = try row["digest", as: String.self]
        runningDigest = try row["final_digest", as: String?.self]
        ssmStatus = try row["ssm_status", as: String?.self]
        ssmExitCode = try row["ssm_exit_code", as: Int?.self]
        healthzOK = try row["healthz_ok", as: Bool?.self]
        errorCode = try row["error_code", as: String?.self]
        error = try row["error", as: String?.self]
        createdAt = try row["created_at", as: Date?.self]
        durationMilliseconds = try row["duration_ms", as: Int?.self]
    }
}
