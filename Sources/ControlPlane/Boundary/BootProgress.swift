import FoundationEssentials
import TenantProtocol

/// What an instance has reported so far, one entry a stage in the order of the boot.
struct BootProgress: Sendable {
    struct Stage: Sendable, Encodable {
        var stage: BootStage
        var outcome: StageOutcome
        var at: Date
        /// Since provisioning started.
        var elapsedMilliseconds: Int
        var durationMilliseconds: Int?
        var code: FailureCode?

        enum CodingKeys: String, CodingKey {
            case stage, outcome, at, code
            case elapsedMilliseconds = "elapsed_ms"
            case durationMilliseconds = "duration_ms"
        }
    }

    /// In the order of the boot.
    let stages: [Stage]

    init(stages: [Stage]) { self.stages = stages.sorted { $0.stage.order < $1.stage.order } }

    func has(_ stage: BootStage) -> Bool {
        stages.contains { $0.stage == stage && $0.outcome == .succeeded }
    }

    var failure: Stage? { stages.first { $0.outcome == .failed } }

    /// The stage that is under way, else the last one heard of.
    var current: Stage? { stages.last { $0.outcome == .started } ?? stages.last }

    /// For a person: where the boot stands.
    var summary: String {
        guard let current else { return "the instance has reported nothing" }
        return "the last report was \(current.stage.rawValue): \(current.outcome.rawValue)"
    }
}
