/// What a command that waits for a rollout wants of it.
enum RolloutGoal: Sendable {
    /// That the tenants run the image.
    case image
    /// That they are back on what they had.
    case rollback
}

extension Rollout {
    /// 0 as wanted, 1 not, 2 when a person has to look.
    func exitStatus(_ goal: RolloutGoal) -> Int32 {
        switch (state, goal) {
        case ("succeeded", .image), ("rolled_back", .rollback): 0
        case ("incomplete", _), ("paused", _): 2
        default: 1
        }
    }

    /// `Rollout 3f2a91c0 succeeded after 45 s: 3 updated, 2 skipped.`
    var verdict: [String] {
        let time = finishedAt == nil ? "" : " after \(span(duration(at: createdAt.date)))"
        let verb = ["succeeded", "failed"].contains(state) ? "" : state == "rolled_back" ? "was " : "is "
        return ["Rollout \(shortID) \(verb)\(words(state))\(time): \(outcomes.outcomeText)."]
            + [reason].compactMap { $0 }
    }

    /// Commands that can help now, each with what it does.
    var advice: [String] {
        let undo = [
            "cpctl rollout rollback \(shortID)", "returns every tenant that it updated to its previous image",
        ]
        let back = isRefresh ? [] : [undo]
        let look = ["cpctl rollout show \(shortID)", "shows every tenant with its outcome"]
        let rows: [[String]] =
            switch state {
            case "paused" where needsPerson:
                [
                    ["cpctl rollout resume \(shortID)", "judges again those that could not be judged"],
                    ["cpctl rollout promote \(shortID)", "continues without their verdict"],
                    ["cpctl rollout abort \(shortID)", "ends it; updated tenants keep the image"],
                ] + back
            case "paused": [["cpctl rollout resume \(shortID)", "continues"]]
            case "incomplete":
                [
                    look,
                    [
                        "cpctl rollout start ...",
                        "the same rollout again is only for those that do not run it",
                    ],
                ]
                    + back
            case "failed" where reasonCode == "rollback_incomplete":
                [look, ["cpctl tenants redeploy SLUG --digest ...", "for each that is still on the image"]]
            case "failed": [look] + back
            case "aborted": back
            default: []
            }
        return rows.isEmpty ? [] : ["", "What you can do:"] + table(rows).map { "  \($0)" }
    }
}

/// How a rollout ended, as a watch tells it.
struct RolloutEnd {
    var rollout: Rollout

    /// Tenants that are named one by one.
    static let shown = 20

    func print(_ api: ControlPlaneAPI) async {
        var lines = rollout.verdict
        if rollout.state != "succeeded" {
            do {
                lines += Self.list(try await RolloutTenants(api: api, rollout: rollout).failures())
            } catch {
                // How it ended is known all the same, and so is the exit status.
                lines.append("The tenants that failed could not be read: \(error)")
            }
        }
        (lines + rollout.advice).forEach(say)
    }

    static func list(_ failures: [RolloutTenant]) -> [String] {
        guard !failures.isEmpty else { return [] }
        let rows = failures.prefix(shown).map { [$0.slug, $0.condition, $0.why] }
        let more = failures.count - shown
        return [""] + table(rows).map { "  \($0)" } + (more > 0 ? ["  and \(more) more"] : [])
    }
}
