import ArgumentParser

struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Bring one image to many tenants, in waves; watch it, steer it, undo it.",
        discussion: "ID is a rollout's id, its first 8 or more characters, or `latest`.",
        subcommands: [
            StartRollout.self, WatchRollout.self, PauseRollout.self, ResumeRollout.self, AbortRollout.self,
            PromoteRollout.self, RollBackRollout.self, ListRollouts.self, ShowRollout.self,
            SummariseRollout.self,
        ])
}
