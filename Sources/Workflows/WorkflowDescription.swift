import Postgres

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A workflow as routes and people look at it. Holds no input and no outputs.
package struct WorkflowDescription: Sendable, Codable {
    package enum State: String, Sendable, Codable {
        case waiting, running, succeeded, failed, cancelled
        package var isLive: Bool { self == .waiting || self == .running }
    }

    package struct Step: Sendable, Codable {
        package let name: String
        /// step, transaction, wait or sleep.
        package let kind: String
        /// started, done or failed.
        package let state: String
        package let attempts: Int
        package let failures: Int
        package let startedAt: Date
        package let finishedAt: Date?
        package let deadline: Date?
        /// When the deadline of a wait came near.
        package let warnedAt: Date?
        package let failureCode: String?
        package let lastError: String?
    }

    package let id: UUID
    package let kind: String
    package let subject: String
    package let state: State
    /// Runs of the function so far.
    package let attempts: Int
    package let createdAt: Date
    package let startedAt: Date?
    package let finishedAt: Date?
    /// When it runs next, if it waits.
    package let wakeAt: Date?
    /// The step it waits for, or whose retry is due.
    package let waitingFor: String?
    /// Why it may not run yet, if it was postponed.
    package let postponedFor: String?
    package let leaseOwner: String?
    /// When another worker may take over, if it runs.
    package let leaseUntil: Date?
    package let cancelRequested: Bool
    package let failureCode: String?
    package let lastError: String?
    /// In the order of their first start.
    package let steps: [Step]
}

extension WorkflowEngine {
    package func describe(_ id: UUID) async throws -> WorkflowDescription? {
        try await describe("id = \(id)", in: database)
    }

    /// The newest workflow of the kind for the subject, live or ended.
    package func status(
        kind: String, subject: String, in executor: (any PostgresExecutor)? = nil
    ) async throws -> WorkflowDescription? {
        try await describe("kind = \(kind) AND subject = \(subject)", in: executor ?? database)
    }

    private func describe(
        _ condition: SQL, in executor: any PostgresExecutor
    ) async throws -> WorkflowDescription? {
        let rows = try await executor.query(
            """
            SELECT *, CASE WHEN isfinite(due_at) THEN due_at END AS finite_due_at FROM workflows
            WHERE \(condition) ORDER BY created_at DESC LIMIT 1
            """)
        guard let row = rows.first else { return nil }
        let steps = try await executor.query(
            "SELECT * FROM workflow_steps WHERE workflow_id = \(row["id", as: UUID.self]) ORDER BY position")
        return try WorkflowDescription(row, steps: steps.map(WorkflowDescription.Step.init))
    }
}

extension WorkflowDescription {
    fileprivate init(_ row: Row, steps: [Step]) throws {
        let state = State(rawValue: try row["state"]) ?? .failed
        id = try row["id"]
        kind = try row["kind"]
        subject = try row["subject"]
        self.state = state
        attempts = try row["attempts"]
        createdAt = try row["created_at"]
        startedAt = try row["started_at"]
        finishedAt = try row["finished_at"]
        wakeAt = state == .waiting ? try row["finite_due_at"] : nil
        waitingFor = try row["waiting_for"]
        postponedFor = try row["postponed_for"]
        leaseOwner = try row["lease_owner"]
        leaseUntil = state == .running ? try row["finite_due_at"] : nil
        cancelRequested = try row["cancel_requested"]
        failureCode = try row["failure_code"]
        lastError = try row["last_error"]
        self.steps = steps
    }
}

extension WorkflowDescription.Step {
    fileprivate init(_ row: Row) throws {
        name = try row["name"]
        kind = try row["kind"]
        state = try row["state"]
        attempts = try row["attempts"]
        failures = try row["failures"]
        startedAt = try row["started_at"]
        finishedAt = try row["finished_at"]
        deadline = try row["deadline"]
        warnedAt = try row["warned_at"]
        failureCode = try row["failure_code"]
        lastError = try row["last_error"]
    }
}
