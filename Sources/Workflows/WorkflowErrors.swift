#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Ends the workflow as failed, without another try. Message and code are stored and shown: no secrets.
package struct PermanentFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: String
    package let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

/// The condition of `wait` did not hold before its deadline. Uncaught, it fails the workflow with the code
/// `wait_timed_out`; caught, it is thrown again at the same place by every later run.
package struct WaitTimedOut: Error, Sendable, Equatable, CustomStringConvertible {
    package let name: String
    package var description: String { "\(name) did not come about before its deadline" }

    static let code = "wait_timed_out"
}

/// A step may not run yet: the run is put away for `delay`, and the step begins anew then. Costs no try, and
/// nothing may have happened before it is thrown.
package struct Postponed: Error, Sendable, Equatable, CustomStringConvertible {
    package let delay: Duration
    /// What is waited for, for people. Stored and shown: no secrets.
    package let reason: String

    package init(delay: Duration, reason: String) {
        self.delay = delay
        self.reason = reason
    }

    package var description: String { "\(reason), in \(delay)" }
}

/// A live workflow of this kind for this subject exists already.
package struct WorkflowConflict: Error, Sendable, Equatable {
    package let existing: UUID
}

/// Somebody asked for the workflow to end. Thrown at every boundary of a step; the run ends as cancelled.
package struct WorkflowCancelled: Error, Sendable, Equatable {}

/// Why a workflow failed, as its `onFailure` sees it.
package struct WorkflowFailure: Sendable, Equatable {
    package let code: String
    package let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// Why a run stops before its function returns by itself. Thrown through the function; it counts even if
/// the function swallows the error.
enum Suspension: Error, Equatable {
    case snoozed(Snooze)
    case cancelled
    /// Another worker may have the workflow by now: this run must not write.
    case leaseLost
    /// This process is shutting down, or the database was away: any worker may go on at once.
    case released
}

struct Snooze: Equatable {
    let delay: Duration
    /// The step that waits.
    let name: String
    /// Whether a wake ends it.
    let wakeable: Bool
    /// Why the step was postponed: this try does not count.
    var postponed: String?
}

/// What is stored of an error: its description, at most 500 characters.
func boundedText(_ error: any Error) -> String {
    let text = String(describing: error)
    return text.count <= 500 ? text : text.prefix(499) + "…"
}
