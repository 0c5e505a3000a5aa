/// The answer of `provision-status`.
struct BootStatus: Decodable {
    struct Stage: Decodable, Equatable {
        var stage: String
        var outcome: String
        var elapsedMilliseconds: Int?
        var durationMilliseconds: Int?
        var code: String?

        enum CodingKeys: String, CodingKey {
            case stage, outcome, code
            case elapsedMilliseconds = "elapsed_ms"
            case durationMilliseconds = "duration_ms"
        }

        /// `✓ postgres  2.1 s  at 14.0 s`, as cells of a table.
        var cells: [String] {
            let mark = ["succeeded": "✓", "failed": "✗"][outcome] ?? "…"
            let duration = durationMilliseconds.map { seconds(.milliseconds($0)) } ?? ""
            let at = elapsedMilliseconds.map { "at \(seconds(.milliseconds($0)))" } ?? ""
            return ["\(mark) \(stage)", duration, at, code ?? ""]
        }
    }

    struct Problem: Decodable {
        var code: String
        var message: String
        var consoleTail: String?

        enum CodingKeys: String, CodingKey {
            case code, message
            case consoleTail = "console_tail"
        }
    }

    struct Workflow: Decodable {
        var state: String
        var attempts: Int
        var nextActionAt: String?
        var lastError: String?

        enum CodingKeys: String, CodingKey {
            case state, attempts
            case nextActionAt = "next_action_at"
            case lastError = "last_error"
        }
    }

    var slug: String
    var status: String
    var currentStage: String?
    var stages: [Stage]
    var error: Problem?
    var workflow: Workflow?

    enum CodingKeys: String, CodingKey {
        case slug, status, stages, error, workflow
        case currentStage = "current_stage"
    }

    var isFinal: Bool { ["running", "failed", "purged"].contains(status) }

    var lines: [String] {
        ["\(slug): \(status)"] + table(stages.map(\.cells)).map { "  \($0)" } + waiting + outcome.dropFirst()
    }

    private var waiting: [String] {
        guard let workflow, !isFinal else { return [] }
        let next = workflow.nextActionAt.map { ", next check at \($0)" } ?? ""
        let trouble = workflow.lastError.map { ["  last error: \($0)"] } ?? []
        return ["  workflow \(workflow.state), attempt \(workflow.attempts)\(next)"] + trouble
    }

    /// How it ended, and what to do when it did not end well.
    var outcome: [String] {
        guard let error else { return ["\(slug) is \(status)."] }
        let console = error.consoleTail.map { ["", "The instance's console ends:", $0] } ?? []
        return ["\(slug) is \(status).", "\(error.code): \(error.message)"] + console
            + [
                "", "Try again: cpctl retry \(slug)",
                "Remove it: cpctl orgs delete \(slug) --confirm \(slug)",
            ]
    }
}
