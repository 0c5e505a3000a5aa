import Arithmetic
import Postgres

/// The SQL of steps. Every statement is fenced by the lease.
struct StepStore: Sendable {
    let database: PostgresPool
    let lease: Lease

    func recorded() async throws -> [String: RecordedStep] {
        let rows = try await database.query(
            """
            SELECT name, kind, state, output::text AS output, failure_code, last_error,
                warned_at IS NOT NULL AS is_warned,
                extract(epoch FROM deadline - now())::float8 AS until_deadline
            FROM workflow_steps WHERE workflow_id = \(lease.id)
            """)
        var steps: [String: RecordedStep] = [:]
        for row in rows { steps[try row["name"]] = try RecordedStep(row) }
        return steps
    }

    /// Notes the start of a try, before its effect. This commit alone does not wait for the disk: losing it
    /// in a crash of the database loses no more than a count.
    /// - Returns: the wakes so far, and which try this is.
    func begin(
        _ name: String, _ kind: StepKind, deadline: Duration? = nil
    ) async throws -> (wakes: Int, attempt: Int) {
        let rows = try await database.query(
            """
            WITH held AS (SELECT id, cancel_requested, wakes FROM workflows WHERE \(lease.held)),
            started AS (
                INSERT INTO workflow_steps (workflow_id, name, kind, state, deadline)
                SELECT id, \(name), \(kind.rawValue), 'started',
                    now() + make_interval(secs => \(deadline?.inSeconds))
                FROM held WHERE NOT cancel_requested
                ON CONFLICT (workflow_id, name) DO UPDATE SET attempts = workflow_steps.attempts + 1
                RETURNING attempts
            )
            SELECT cancel_requested, wakes, (SELECT attempts FROM started) AS attempts,
                set_config('synchronous_commit', 'off', true)
            FROM held
            """)
        return (try wakes(in: rows), try rows[0]["attempts"])
    }

    /// Notes that a wait nears its deadline.
    /// - Returns: whether it was not noted before.
    func warn(_ name: String) async throws -> Bool {
        try await database.execute(
            """
            UPDATE workflow_steps SET warned_at = now() FROM workflows
            WHERE workflow_id = \(lease.id) AND name = \(name) AND warned_at IS NULL
                AND id = workflow_id AND lease_epoch = \(lease.epoch) AND workflows.state = 'running'
            """) == 1
    }

    /// Looks whether the lease holds and nobody asked to cancel, without taking a lock: a transaction that
    /// locked its workflow first and its rows later would deadlock with one that changes rows and wakes.
    func check(in executor: some PostgresExecutor) async throws -> Int {
        try wakes(
            in: await executor.query("SELECT cancel_requested, wakes FROM workflows WHERE \(lease.held)"))
    }

    /// Locks the workflow until the commit, so that a claim by another comes before or after.
    func hold(in executor: some PostgresExecutor) async throws {
        let rows = try await executor.query(
            "SELECT 1 AS one FROM workflows WHERE \(lease.held) FOR NO KEY UPDATE")
        if rows.isEmpty { throw Suspension.leaseLost }
    }

    /// Records a finished step; locks the workflow, so that a claim by another comes before or after.
    func finish(_ name: String, _ kind: StepKind, output: String, in executor: some PostgresExecutor)
        async throws
    {
        let rows = try await executor.query(
            """
            WITH held AS (SELECT id FROM workflows WHERE \(lease.held) FOR NO KEY UPDATE)
            INSERT INTO workflow_steps (workflow_id, name, kind, state, output, finished_at)
            SELECT id, \(name), \(kind.rawValue), 'done', \(output)::jsonb, clock_timestamp() FROM held
            ON CONFLICT (workflow_id, name) DO UPDATE SET
                state = 'done', output = EXCLUDED.output, finished_at = EXCLUDED.finished_at,
                attempts = workflow_steps.attempts + \(kind == .transaction ? 1 : 0)::int
            RETURNING 1
            """)
        guard !rows.isEmpty else { throw Suspension.leaseLost }
    }

    /// Counts a failure.
    /// - Returns: failures so far, and the time since the step's first start.
    func noteFailure(
        _ name: String, _ kind: StepKind, _ error: String
    ) async throws -> (failures: Int, elapsed: Duration) {
        let rows = try await database.query(
            """
            WITH held AS (SELECT id FROM workflows WHERE \(lease.held) FOR NO KEY UPDATE)
            INSERT INTO workflow_steps (workflow_id, name, kind, state, failures, last_error)
            SELECT id, \(name), \(kind.rawValue), 'started', 1, \(error) FROM held
            ON CONFLICT (workflow_id, name) DO UPDATE SET
                failures = workflow_steps.failures + 1, last_error = EXCLUDED.last_error,
                attempts = workflow_steps.attempts + \(kind == .transaction ? 1 : 0)::int
            RETURNING failures, extract(epoch FROM now() - started_at)::float8 AS elapsed
            """)
        guard let row = rows.first else { throw Suspension.leaseLost }
        return (try row["failures"], .bounded(seconds: try row["elapsed", as: Double.self]))
    }

    /// Records that the step failed for good.
    func fail(_ name: String, _ kind: StepKind, _ failure: PermanentFailure) async throws {
        let rows = try await database.query(
            """
            WITH held AS (SELECT id FROM workflows WHERE \(lease.held) FOR NO KEY UPDATE)
            INSERT INTO workflow_steps (workflow_id, name, kind, state, failure_code, last_error, finished_at)
            SELECT id, \(name), \(kind.rawValue), 'failed', \(failure.code), \(failure.message),
                clock_timestamp() FROM held
            ON CONFLICT (workflow_id, name) DO UPDATE SET
                state = 'failed', failure_code = EXCLUDED.failure_code, last_error = EXCLUDED.last_error,
                finished_at = EXCLUDED.finished_at
            RETURNING 1
            """)
        guard !rows.isEmpty else { throw Suspension.leaseLost }
    }

    private func wakes(in rows: [Row]) throws -> Int {
        guard let row = rows.first else { throw Suspension.leaseLost }
        guard try !row["cancel_requested", as: Bool.self] else { throw Suspension.cancelled }
        return try row["wakes"]
    }
}

extension Duration {
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1_000_000_000_000_000_000
    }
}
