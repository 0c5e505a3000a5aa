import AdminProtocol
import FoundationEssentials
import Postgres

/// The rows of `reconciler_lease`, `reconciler_runs` and `reconciler_findings`.
package struct ReconcilerStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    // MARK: The lease

    /// - Returns: whether the run may begin.
    package func claim(owner: String, _ activation: Reconciler.Activation, lease: Duration) async throws
        -> Bool
    {
        try await database.execute(
            """
            UPDATE reconciler_lease SET owner = \(owner), last_started_at = now(),
                leased_until = now() + make_interval(secs => \(lease / .seconds(1)))
            WHERE leased_until < now() AND \(activation.isDue)
            """) == 1
    }

    /// - Throws: `reconcile_lost` when another replica took over.
    package func renew(owner: String, lease: Duration) async throws {
        let renewed = try await database.execute(
            """
            UPDATE reconciler_lease SET leased_until = now() + make_interval(secs => \(lease / .seconds(1)))
            WHERE owner = \(owner) AND leased_until > now()
            """)
        guard renewed == 1 else {
            throw AppError(.conflict, "reconcile_lost", "Another replica has taken over the comparison.")
        }
    }

    package func release(owner: String) async throws {
        try await database.execute(
            """
            UPDATE reconciler_lease SET owner = NULL, leased_until = '-infinity' WHERE owner = \(owner)
            """)
    }

    // MARK: Runs

    package func begin(_ id: UUID, mode: Reconciler.Mode) async throws {
        try await database.execute(
            """
            UPDATE reconciler_runs SET outcome = 'failed', reason = 'The process ended.', finished_at = now()
            WHERE outcome = 'running'
            """)
        try await database.execute(
            "INSERT INTO reconciler_runs (id, mode) VALUES (\(id), \(mode.rawValue))")
    }

    package func finish(_ id: UUID, outcome: ReconcilerRun.Outcome, reason: String?, calls: Int, acted: Int)
        async throws
    {
        try await database.execute(
            """
            UPDATE reconciler_runs SET outcome = \(outcome.rawValue), reason = \(reason), calls = \(calls),
                acted = \(acted), finished_at = now()
            WHERE id = \(id)
            """)
    }

    package func lastRun() async throws -> ReconcilerRun? {
        let rows = try await database.query(
            """
            SELECT id, started_at, finished_at, mode, outcome, reason, seen, orphans, ghosts, drift, acted,
                calls
            FROM reconciler_runs WHERE outcome <> 'running' ORDER BY started_at DESC LIMIT 1
            """)
        return try rows.first.map(ReconcilerRun.init)
    }

    package func run(_ id: UUID) async throws -> ReconcilerRun {
        let rows = try await database.query(
            """
            SELECT id, started_at, finished_at, mode, outcome, reason, seen, orphans, ghosts, drift, acted,
                calls
            FROM reconciler_runs WHERE id = \(id)
            """)
        return try ReconcilerRun(rows[0])
    }

    // MARK: Findings

    /// What earlier runs know of the findings that are still open.
    package func history() async throws -> [Finding.Key: Plan.History] {
        let rows = try await database.query(
            """
            SELECT code, kind, place, resource, quarantined_at FROM reconciler_findings
            WHERE resolved_at IS NULL
            """)
        var history: [Finding.Key: Plan.History] = [:]
        for row in rows {
            let key = Finding.Key(
                code: try row["code", as: String.self], kind: try row["kind", as: String.self],
                place: try row["place", as: String.self], resource: try row["resource", as: String.self])
            history[key] = Plan.History(quarantinedAt: try row["quarantined_at", as: Date?.self])
        }
        return history
    }

    /// Writes what a run has found; what it no longer finds is resolved.
    package func record(_ plan: Plan, seen: Int, run: UUID) async throws {
        for item in plan.items { try await record(item) }
        try await database.execute(
            """
            UPDATE reconciler_findings SET resolved_at = now()
            WHERE resolved_at IS NULL AND last_seen < now()
            """)
        func count(_ category: Finding.Category) -> Int {
            plan.items.filter { $0.finding.code.category == category }.count
        }
        try await database.execute(
            """
            UPDATE reconciler_runs SET seen = \(seen), orphans = \(count(.orphan)),
                ghosts = \(count(.ghost)), drift = \(count(.drift))
            WHERE id = \(run)
            """)
    }

    private func record(_ item: Plan.Item) async throws {
        let finding = item.finding
        try await database.execute(
            """
            INSERT INTO reconciler_findings AS known (category, code, kind, resource, place, name, org_id,
                slug, detail, monthly_usd, quarantined_at, action, action_due_at)
            VALUES (\(finding.code.category.rawValue), \(finding.code.rawValue), \(finding.kind.rawValue),
                \(finding.resource), \(finding.place), \(finding.name), \(finding.orgID), \(finding.slug),
                \(finding.detail), \(finding.monthlyUSD), \(finding.quarantinedAt),
                \(item.action.rawValue), \(item.dueAt))
            ON CONFLICT (code, kind, place, resource) WHERE resolved_at IS NULL DO UPDATE SET
                last_seen = now(), detail = EXCLUDED.detail, monthly_usd = EXCLUDED.monthly_usd,
                org_id = EXCLUDED.org_id, slug = EXCLUDED.slug, action = EXCLUDED.action,
                action_due_at = EXCLUDED.action_due_at,
                quarantined_at = coalesce(EXCLUDED.quarantined_at, known.quarantined_at)
            """)
    }

    /// - Parameter error: nil when it was done.
    package func acted(_ item: Plan.Item, error: String?) async throws {
        let key = item.finding.key
        let isQuarantine = item.action == .quarantine && error == nil
        try await database.execute(
            """
            UPDATE reconciler_findings SET last_action = \(item.action.rawValue), last_action_at = now(),
                last_error = \(error),
                action = CASE WHEN \(isQuarantine) THEN 'wait' ELSE action END,
                quarantined_at =
                    CASE WHEN \(isQuarantine) THEN coalesce(quarantined_at, now()) ELSE quarantined_at END
            WHERE code = \(key.code) AND kind = \(key.kind) AND place = \(key.place)
                AND resource = \(key.resource) AND resolved_at IS NULL
            """)
    }

    package func open(_ categories: [Finding.Category]) async throws -> [FindingRecord] {
        let rows = try await database.query(
            """
            SELECT \(FindingRecord.columns) FROM reconciler_findings
            WHERE resolved_at IS NULL AND category = ANY (\(categories.map(\.rawValue)))
            ORDER BY monthly_usd DESC NULLS FIRST, first_seen, id
            """)
        return try rows.map(FindingRecord.init)
    }
}
