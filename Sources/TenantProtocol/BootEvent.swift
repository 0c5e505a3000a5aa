/// `POST /cp/tenants/boot-event`, one object or `{"events":[...]}` with at most `maximumBatch`.
///
/// Authenticated by the boot token until enrolment is confirmed, by the tenant's admin token afterwards,
/// always with `X-Molecule-Org-Id`. Answers 204. The same `sequence` sent again changes nothing.
/// An unknown field or value is refused (400): the vocabulary is closed.
package struct BootEvent: Codable, Sendable, Equatable {
    /// Counts up from 1 on one instance and never restarts, also over reboots.
    package var sequence: Int
    package var stage: BootStage
    package var outcome: StageOutcome
    /// Milliseconds that the stage took; only with `succeeded` and `failed`.
    package var durationMilliseconds: Int?
    /// Only with `failed`.
    package var code: FailureCode?
    /// Exit status of the process that failed, 0 to 255.
    package var exitCode: Int?

    package static let maximumBatch = 100
    package static let maximumSequence = 1_000_000
    package static let maximumDurationMilliseconds = 86_400_000

    package init(
        sequence: Int, stage: BootStage, outcome: StageOutcome, durationMilliseconds: Int? = nil,
        code: FailureCode? = nil, exitCode: Int? = nil
    ) {
        self.sequence = sequence
        self.stage = stage
        self.outcome = outcome
        self.durationMilliseconds = durationMilliseconds
        self.code = code
        self.exitCode = exitCode
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case sequence, stage, outcome, code
        case durationMilliseconds = "duration_ms"
        case exitCode = "exit_code"
    }
}

/// Several events in one request: what an agent sends from its spool.
package struct BootEventBatch: Codable, Sendable {
    package var events: [BootEvent]

    package init(events: [BootEvent]) { self.events = events }
}
