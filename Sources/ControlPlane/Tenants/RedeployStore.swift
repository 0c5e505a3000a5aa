import FoundationEssentials
import Postgres

/// The rows of `redeploys`.
struct RedeployStore: Sendable {
    let database: any PostgresExecutor

    func insert(id: UUID, org: UUID, targetTag: String?, digest: String, previousDigest: String?) async throws
    {
        try await database.execute(
            """
            INSERT INTO redeploys (id, org_id, target_tag, digest, previous_digest, phase)
            VALUES (\(id), \(org), \(targetTag), \(digest), \(previousDigest), 'sending')
            """)
    }

    func recordCommand(_ id: UUID, commandID: String) async throws {
        try await database.execute(
            """
            UPDATE redeploys SET ssm_command_id = \(commandID), phase = 'running'
            WHERE id = \(id) AND finished_at IS NULL
            """)
    }

    func finish(_ id: UUID, _ result: RedeployResult) async throws {
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

    func fail(_ id: UUID, code: String, message: String) async throws {
        try await database.execute(
            """
            UPDATE redeploys SET phase = 'failed', error_code = \(code), error = \(message),
                finished_at = now()
            WHERE id = \(id) AND finished_at IS NULL
            """)
    }

    func find(_ id: UUID, org: Org) async throws -> Redeploy? {
        let rows = try await database.query(
            """
            SELECT id, phase, target_tag, previous_digest, digest, final_digest,
                ssm_status,
                ssm_exit_code, healthz_ok, error,
                (extract(epoch FROM finished_at - created_at) * 1000)::int AS duration_ms
            FROM redeploys WHERE id = \(id) AND org_id = \(org.id)
            """)
        return try rows.first.map { row in
            Redeploy(
                id: try row["id", as: UUID.self], slug: org.slug,
                phase: try row.decode("phase", as: Redeploy.Phase.self),
                targetTag: try row["target_tag", as: String?.self],
                previousDigest: try row["previous_digest", as: String?.self],
                digest: try row["digest", as: String.self],
                runningDigest: try row["final_digest", as: String?.self],
                ssmStatus: try row["ssm_status", as: String?.self],
                ssmExitCode: try row["ssm_exit_code", as: Int?.self],
                healthzOK: try row["healthz_ok", as: Bool?.self],
                error: try row["error", as: String?.self],
                durationMilliseconds: try row["duration_ms", as: Int?.self])
        }
    }

    /// The redeploy of the organisation that has not ended.
    func live(org: UUID) async throws -> UUID? {
        let rows = try await database.query(
            """
            SELECT id FROM redeploys WHERE org_id = \(org) AND finished_at IS NULL
            ORDER BY created_at LIMIT 1
            """
        )
        return try rows.first?["id", as: UUID.self]
    }
}
