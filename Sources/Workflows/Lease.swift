import Arithmetic
import Postgres

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A claimed workflow. `epoch` is the fence: every write names it, and changes nothing once another worker
/// has claimed the workflow.
struct Lease: Sendable, Hashable {
    let id: UUID
    let epoch: Int

    /// The condition under which this lease still holds.
    var held: SQL { "id = \(id) AND lease_epoch = \(epoch) AND state = 'running'" }
}

/// What a claim brings along.
struct ClaimedWorkflow: Sendable {
    let lease: Lease
    let kind: String
    let subject: String
    let input: String
    let attempt: Int
    let failures: Int
    let wakes: Int
    let cancelRequested: Bool

    init(_ row: Row) throws {
        lease = Lease(id: try row["id"], epoch: try row["lease_epoch"])
        kind = try row["kind"]
        subject = try row["subject"]
        input = try row["input"]
        attempt = try row["attempts"]
        failures = try row["failures"]
        wakes = try row["wakes"]
        cancelRequested = try row["cancel_requested"]
    }
}

/// A step as recorded by an earlier run.
struct RecordedStep: Sendable {
    enum State: String, Sendable { case started, done, failed }

    let kind: StepKind
    let state: State
    let output: String?
    /// By the database's clock, at the time of reading; negative once it is past.
    let untilDeadline: Duration?
    let failure: PermanentFailure
    /// Of a wait: its deadline was near when it was last looked at.
    let isWarned: Bool

    init(_ row: Row) throws {
        guard let kind = StepKind(rawValue: try row["kind"]), let state = State(rawValue: try row["state"])
        else {
            throw PermanentFailure(code: "step_unknown", message: "a step was recorded by a newer version")
        }
        self.kind = kind
        self.state = state
        output = try row["output"]
        isWarned = try row["is_warned"]
        untilDeadline = try row["until_deadline", as: Double?.self].map { .bounded(seconds: $0) }
        failure = PermanentFailure(
            code: try row["failure_code", as: String?.self] ?? "failed",
            message: try row["last_error", as: String?.self] ?? "")
    }
}

enum StepKind: String, Sendable {
    case step, transaction, wait, sleep
}
