/// Something that happened in a rollout.
struct RolloutEvent: Decodable {
    var sequence: Int
    var at: Timestamp
    var event: String
    var wave: Int?
    var slug: String?
    var detail: String?

    /// `08:20:31Z  canary  acme rolled back: ...`
    func line(_ rollout: Rollout) -> String {
        let place = wave.map(rollout.waveName) ?? ""
        let what = slug.map { "\($0) \(words(event))" } ?? text(rollout)
        let line = [at.clock, place, what].filter { !$0.isEmpty }.joined(separator: "  ")
        return oneLine(detail.map { "\(line): \($0)" } ?? line)
    }

    /// Of the rollout itself.
    private func text(_ rollout: Rollout) -> String {
        switch event {
        case "redeploying": "is redeployed"
        case "soaking": "soaks for \(span(rollout.settings.soak(wave: wave ?? 0)))"
        case "judging": "is judged"
        case "rolling_back" where wave != nil: "the rollback starts here"
        case "promoted": "an operator promoted it"
        case "abort_requested": "an operator aborted the rollout"
        case "rollback_requested": "an operator requested a rollback"
        default: words(event)
        }
    }
}
