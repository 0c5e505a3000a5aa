import Postgres

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension WorkflowEngine {
    /// Starts a workflow in the transaction that justifies it.
    /// - Parameter delay: its first run is due after this time.
    /// - Throws: `WorkflowConflict` when a live one of this kind exists for the subject; the transaction is
    ///   still usable then.
    @discardableResult
    package func start(
        _ kind: String, subject: String, input: some Codable & Sendable, after delay: Duration = .zero,
        in executor: some PostgresExecutor
    ) async throws -> UUID {
        // The live one may end between the two statements: then there is room after all.
        for _ in 0..<3 {
            let rows = try await executor.query(
                """
                WITH started AS (
                    INSERT INTO workflows (kind, subject, input, due_at)
                    VALUES (\(kind), \(subject), \(JSON(input)),
                        now() + make_interval(secs => \(delay.inSeconds)))
                    ON CONFLICT (kind, subject) WHERE state IN ('waiting', 'running') DO NOTHING
                    RETURNING id, kind
                )
                SELECT id, pg_notify('workflows', kind) FROM started
                """)
            if let row = rows.first { return try row["id"] }
            let live = try await executor.query(
                """
                SELECT id FROM workflows
                WHERE kind = \(kind) AND subject = \(subject) AND state IN ('waiting', 'running')
                """)
            if let row = live.first { throw WorkflowConflict(existing: try row["id"]) }
        }
        throw PostgresError(
            sqlState: "40001", message: "could not start \(kind): another one started and ended")
    }

    /// Starts a workflow, or wakes the live one of the subject: one that ends with `endUnlessWoken` misses
    /// nobody. Call it last in a transaction, as `wake`.
    package func startOrWake(
        _ kind: String, subject: String, input: some Codable & Sendable, in executor: some PostgresExecutor
    ) async throws {
        // The live one may end between the two statements: then there is room after all.
        for _ in 0..<3 {
            do {
                try await start(kind, subject: subject, input: input, in: executor)
                return
            } catch is WorkflowConflict {
                if try await wakeLive([subject], in: executor) { return }
            }
        }
        throw PostgresError(
            sqlState: "40001", message: "could not start or wake \(kind): one started and ended")
    }

    /// Makes waiting workflows of the subject look again at once; one that runs now looks again before it
    /// waits. Sleeps and retries are not shortened. Call it last in a transaction: it locks the workflows.
    package func wake(subject: String, in executor: some PostgresExecutor) async throws {
        try await wakeLive([subject], in: executor)
    }

    /// One statement for many subjects.
    package func wake(subjects: [String], in executor: some PostgresExecutor) async throws {
        if !subjects.isEmpty { try await wakeLive(subjects, in: executor) }
    }

    package enum Cancellation: Sendable, Equatable {
        /// It was waiting, and has ended now.
        case cancelled
        /// It runs, and ends at the next boundary of a step.
        case requested
        /// No live workflow was found.
        case nothingLive
    }

    @discardableResult
    package func cancel(_ id: UUID, in executor: some PostgresExecutor) async throws -> Cancellation {
        try await cancel(where: "id = \(id)", in: executor)
    }

    @discardableResult
    package func cancel(
        kind: String, subject: String, in executor: some PostgresExecutor
    ) async throws -> Cancellation {
        try await cancel(where: "kind = \(kind) AND subject = \(subject)", in: executor)
    }

    private func cancel(where condition: SQL, in executor: some PostgresExecutor) async throws -> Cancellation
    {
        let rows = try await executor.query(
            """
            UPDATE workflows SET cancel_requested = true,
                state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
                finished_at = CASE state WHEN 'waiting' THEN clock_timestamp() END
            WHERE \(condition) AND state IN ('waiting', 'running')
            RETURNING state, subject
            """)
        guard let row = rows.first else { return .nothingLive }
        guard try row["state"] == "cancelled" else { return .requested }
        try await wakeLive([row["subject"]], in: executor)
        return .cancelled
    }

    /// Whether a workflow of the kind waits or runs for the subject.
    package func isLive(
        kind: String, subject: String, in executor: (any PostgresExecutor)? = nil
    ) async throws -> Bool {
        let rows = try await (executor ?? database).query(
            """
            SELECT 1 AS one FROM workflows
            WHERE kind = \(kind) AND subject = \(subject) AND state IN ('waiting', 'running')
            """)
        return !rows.isEmpty
    }

    /// A person ends a snooze, of whatever sort: a retry's pause, a wait, a postponement.
    /// - Returns: whether a workflow was waiting.
    @discardableResult
    package func hurry(_ id: UUID, in executor: some PostgresExecutor) async throws -> Bool {
        let rows = try await executor.query(
            """
            WITH hurried AS (
                UPDATE workflows SET due_at = now(), wakes = wakes + 1
                WHERE id = \(id) AND state = 'waiting' RETURNING kind
            )
            SELECT pg_notify('workflows', kind) FROM hurried
            """)
        return !rows.isEmpty
    }

    /// A person declares the wait that the workflow is in as over; it goes on behind it.
    /// - Returns: the wait's name; nil when the workflow waits for nothing that can be declared over.
    package func endWait(_ id: UUID, in executor: some PostgresExecutor) async throws -> String? {
        let rows = try await executor.query(
            """
            WITH held AS (
                SELECT id, waiting_for FROM workflows WHERE id = \(id) AND state = 'waiting'
                FOR NO KEY UPDATE
            )
            UPDATE workflow_steps SET state = 'done', output = '{}', finished_at = clock_timestamp()
            FROM held
            WHERE workflow_id = held.id AND name = held.waiting_for AND kind IN ('wait', 'sleep')
                AND workflow_steps.state = 'started'
            RETURNING name
            """)
        guard let row = rows.first else { return nil }
        try await hurry(id, in: executor)
        return try row["name", as: String.self]
    }

    /// Deletes workflows that ended longer ago, at most 1,000 in one call.
    /// - Returns: how many were deleted.
    package func deleteEnded(before age: Duration) async throws -> Int {
        try await database.execute(
            """
            DELETE FROM workflows WHERE id IN (
                SELECT id FROM workflows
                WHERE finished_at < now() - make_interval(secs => \(age.inSeconds)) LIMIT 1000
            )
            """)
    }
}
