import Arithmetic
import Postgres

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The SQL of whole runs: claiming, renewing, and how a run ends. Times are the database's.
struct RunStore: Sendable {
    let database: PostgresPool
    /// Names this engine in `lease_owner`.
    let owner: String
    let lease: Duration

    /// Takes what is due: waiting workflows whose time has come, and running ones whose lease ran out. Rows
    /// that somebody else is changing are left to them.
    /// - Returns: what was taken, and the time until the next of the others is due; nil when none is live.
    func claim(kinds: [String], limit: Int) async throws -> Claim {
        let rows = try await database.query(
            """
            WITH due AS (
                SELECT id FROM workflows
                WHERE state IN ('waiting', 'running') AND due_at <= now() AND kind = ANY(\(kinds))
                ORDER BY due_at, id LIMIT \(limit) FOR NO KEY UPDATE SKIP LOCKED
            ), claimed AS (
                UPDATE workflows SET state = 'running', lease_owner = \(owner),
                    lease_epoch = lease_epoch + 1, attempts = least(attempts, 2147483646) + 1,
                    due_at = now() + \(leaseInterval), waiting_for = NULL, postponed_for = NULL,
                    started_at = coalesce(started_at, now())
                FROM due WHERE workflows.id = due.id
                RETURNING workflows.id, kind, subject, input::text AS input, lease_epoch, attempts, failures,
                    wakes, cancel_requested
            ), others AS (
                SELECT extract(epoch FROM min(due_at) - now())::float8 AS next FROM workflows
                WHERE state IN ('waiting', 'running') AND kind = ANY(\(kinds)) AND isfinite(due_at)
                    AND id NOT IN (SELECT id FROM due)
            )
            SELECT others.next, claimed.* FROM others LEFT JOIN claimed ON true ORDER BY claimed.id
            """)
        var claim = Claim(next: try rows[0]["next", as: Double?.self].map { .bounded(seconds: $0) })
        guard try rows[0]["id", as: UUID?.self] != nil else { return claim }
        for row in rows {
            do {
                claim.claimed.append(try ClaimedWorkflow(row))
            } catch {
                claim.unreadable.append(error)
            }
        }
        return claim
    }

    struct Claim: Sendable {
        var claimed: [ClaimedWorkflow] = []
        /// Of rows that were taken and cannot be read. They fall due again when their leases run out.
        var unreadable: [any Error] = []
        var next: Duration?
    }

    /// Renews leases. One whose row is locked, mostly by a transaction of its own run, is left for the next
    /// beat: while it is locked nobody can claim it.
    /// - Returns: the leases that are lost.
    func renew(_ leases: [Lease]) async throws -> [Lease] {
        let ids = leases.map(\.id)
        let epochs = leases.map(\.epoch)
        let rows = try await database.query(
            """
            WITH mine AS (
                SELECT workflows.id FROM workflows
                JOIN unnest(\(ids), \(epochs)) AS held (id, epoch) ON held.id = workflows.id
                    AND held.epoch = workflows.lease_epoch
                WHERE state = 'running' ORDER BY workflows.id FOR NO KEY UPDATE OF workflows SKIP LOCKED
            )
            UPDATE workflows SET due_at = now() + \(leaseInterval) FROM mine WHERE workflows.id = mine.id
            RETURNING workflows.id
            """)
        let renewed = Set(try rows.map { try $0["id", as: UUID.self] })
        let doubtful = leases.filter { !renewed.contains($0.id) }
        return doubtful.isEmpty ? [] : try await lost(among: doubtful)
    }

    private func lost(among leases: [Lease]) async throws -> [Lease] {
        let rows = try await database.query(
            """
            SELECT id, lease_epoch FROM workflows WHERE id = ANY(\(leases.map(\.id))) AND state = 'running'
            """)
        let held = Set(try rows.map { Lease(id: try $0["id"], epoch: try $0["lease_epoch"]) })
        return leases.filter { !held.contains($0) }
    }

    /// Puts a run away. A wake that came since `wakes` were counted makes it due at once.
    /// - Returns: the time until it is due; nil when the lease is lost.
    func snooze(_ lease: Lease, _ snooze: Snooze, wakes: Int) async throws -> Duration? {
        let postponed = snooze.postponed
        let rows = try await database.query(
            """
            WITH put_away AS (
                UPDATE workflows SET state = 'waiting', lease_owner = NULL, waiting_for = \(snooze.name),
                    wakeable = \(snooze.wakeable), postponed_for = \(postponed),
                    due_at = CASE WHEN cancel_requested OR (\(snooze.wakeable) AND wakes <> \(wakes))
                        THEN now() ELSE now() + make_interval(secs => \(snooze.delay.inSeconds)) END
                WHERE \(lease.held) RETURNING id, due_at
            ), uncounted AS (
                UPDATE workflow_steps SET attempts = attempts - 1 FROM put_away
                WHERE workflow_id = put_away.id AND name = \(snooze.name) AND \(postponed != nil)
            )
            SELECT extract(epoch FROM due_at - now())::float8 AS delay FROM put_away
            """)
        return try rows.first.map { .bounded(seconds: try $0["delay", as: Double.self]) }
    }

    /// Gives a run back, for any worker to go on with at once.
    func release(_ lease: Lease) async throws {
        try await database.execute(
            """
            WITH released AS (
                UPDATE workflows SET state = 'waiting', lease_owner = NULL, wakeable = false, due_at = now()
                WHERE \(lease.held) RETURNING kind
            )
            SELECT pg_notify('workflows', kind) FROM released
            """)
    }

    /// - Parameter wakes: as many were counted when the run last looked; nil: whatever came since
    /// - Returns: false when more came since, and the run is due again at once
    func succeed(_ lease: Lease, unlessWokenSince wakes: Int?) async throws -> Bool {
        guard let wakes else {
            try await finish(lease, "succeeded", nil, in: database)
            return true
        }
        let ended = try await database.query(
            """
            UPDATE workflows SET state = 'succeeded', lease_owner = NULL, finished_at = clock_timestamp(),
                waiting_for = NULL
            WHERE \(lease.held) AND wakes = \(wakes) RETURNING subject
            """)
        guard let row = ended.first else {
            let woken = Snooze(delay: .zero, name: "woken", wakeable: true)
            guard try await snooze(lease, woken, wakes: wakes) != nil else { throw Suspension.leaseLost }
            return false
        }
        try await wakeLive([row["subject"]], in: database)
        return true
    }

    func cancelled(_ lease: Lease) async throws {
        try await finish(lease, "cancelled", nil, in: database)
    }

    /// Marks the workflow failed in the same transaction as what `onFailure` writes. The mark comes last, so
    /// that locks are taken in the order that transactions take them that change rows and then wake.
    func fail(
        _ lease: Lease, _ failure: WorkflowFailure, onFailure: (Transaction) async throws -> Void
    ) async throws {
        try await database.transaction { transaction in
            try await onFailure(transaction)
            try await finish(lease, "failed", failure, in: transaction)
        }
    }

    /// Counts a failure outside of the steps.
    func noteFailure(_ lease: Lease, _ text: String) async throws -> Int {
        let rows = try await database.query(
            """
            UPDATE workflows SET failures = failures + 1, last_error = \(text)
            WHERE \(lease.held) RETURNING failures
            """)
        guard let row = rows.first else { throw Suspension.leaseLost }
        return try row["failures"]
    }

    /// Other workflows of the subject may wait for this one's end: they are woken.
    private func finish(
        _ lease: Lease, _ state: String, _ failure: WorkflowFailure?, in executor: some PostgresExecutor
    ) async throws {
        let rows = try await executor.query(
            """
            UPDATE workflows SET state = \(state), lease_owner = NULL, finished_at = clock_timestamp(),
                waiting_for = NULL, failure_code = \(failure?.code),
                last_error = coalesce(\(failure?.message)::text, last_error)
            WHERE \(lease.held) RETURNING subject
            """)
        guard let row = rows.first else { throw Suspension.leaseLost }
        try await wakeLive([row["subject"]], in: executor)
    }

    private var leaseInterval: SQL { "make_interval(secs => \(lease.inSeconds))" }
}

/// Wakes the live workflows of the subjects, locking them in the order of their ids, so that two who wake
/// the same ones take turns.
/// - Returns: whether there was one
@discardableResult
func wakeLive(_ subjects: [String], in executor: some PostgresExecutor) async throws -> Bool {
    let rows = try await executor.query(
        """
        WITH live AS (
            SELECT id FROM workflows WHERE subject = ANY(\(subjects)) AND state IN ('waiting', 'running')
            ORDER BY id FOR NO KEY UPDATE
        ), woken AS (
            UPDATE workflows SET wakes = wakes + 1,
                due_at = CASE WHEN state = 'waiting' AND wakeable THEN least(due_at, now()) ELSE due_at END
            FROM live WHERE workflows.id = live.id
            RETURNING kind, state = 'waiting' AND wakeable AS due
        )
        SELECT CASE WHEN due THEN pg_notify('workflows', kind) END FROM woken
        """)
    return !rows.isEmpty
}
