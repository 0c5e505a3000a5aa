import FoundationEssentials
import Postgres

/// What the routes read of rollouts.
package struct RolloutReading: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func view(_ rollout: Rollout) async throws -> RolloutView {
        try await views([rollout])[0]
    }

    package func views(_ rollouts: [Rollout]) async throws -> [RolloutView] {
        let pace = try await RedeployStore(database: database).medianSeconds()
        var views: [RolloutView] = []
        for rollout in rollouts {
            let tally = try await RolloutTenantStore(database: database, rolloutID: rollout.id).tally()
            views.append(RolloutView(rollout, tally, paceSeconds: pace))
        }
        return views
    }

    /// In the order of the plan.
    /// - Parameter outcome: nil: all.
    package func tenants(
        _ id: UUID, outcome: RolloutTenant.Outcome?, limit: Int, offset: Int
    ) async throws -> [RolloutTenantView] {
        let rows = try await database.query(
            """
            SELECT t.org_id, t.slug, t.wave, t.outcome, t.verdict, t.redeploy_id, t.digest_before,
                t.digest_after, t.reason_code, t.reason, r.ssm_status, r.ssm_exit_code, r.healthz_ok
            FROM rollout_tenants t LEFT JOIN redeploys r ON r.id = t.redeploy_id
            WHERE t.rollout_id = \(id) AND (t.outcome = \(outcome?.rawValue)
                OR \(outcome?.rawValue)::text IS NULL)
            ORDER BY t.outcome = 'skipped', t.wave, t.position LIMIT \(limit) OFFSET \(offset)
            """)
        return try rows.map { row in
            RolloutTenantView(
                tenant: try RolloutTenant(row), ssmStatus: try row["ssm_status", as: String?.self],
                ssmExitCode: try row["ssm_exit_code", as: Int?.self],
                healthzOK: try row["healthz_ok", as: Bool?.self])
        }
    }
}
