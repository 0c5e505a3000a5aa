import FoundationEssentials
import TenantProtocol

/// What an instance has reported so far, one entry a stage in the order of the boot.
package struct BootProgress: Sendable {
    package struct Stage: Sendable, Encodable {
        package var stage: BootStage
        package var outcome: StageOutcome
        package var at: Date
        /// Since provisioning started.
        var elapsedMilliseconds: Int
        package var durationMilliseconds: Int?
        package var code: FailureCode?

        package init(
            stage: BootStage, outcome: StageOutcome, at: Date, elapsedMilliseconds: Int,
            durationMilliseconds: Int? = nil, code: FailureCode? = nil
        ) {
            self.stage = stage
            self.outcome = outcome
            self.at = at
            self.elapsedMilliseconds = elapsedMilliseconds
            self.durationMilliseconds = durationMilliseconds
            self.code = code
        }

        enum CodingKeys: String, CodingKey {
            case stage, outcome, at, code
            case elapsedMilliseconds = "elapsed_ms"
            case durationMilliseconds = "duration_ms"
        }
    }

    /// In the order of the boot.
    package let stages: [Stage]

    package init(stages: [Stage]) { self.stages = stages.sorted { $0.stage.order < $1.stage.order } }

    package func has(_ stage: BootStage) -> Bool {
        stages.contains { $0.stage == stage && $0.outcome == .succeeded }
    }

    package var failure: Stage? { stages.first { $0.outcome == .failed } }

    /// The stage that is under way, else the last one heard of.
    package var current: Stage? { stages.last { $0.outcome == .started } ?? stages.last }

    /// For a person: where the boot stands.
    package var summary: String {
        guard let current else { return "the instance has reported nothing" }
        return "the last report was \(current.stage.rawValue): \(current.outcome.rawValue)"
    }
}
