import ArgumentParser

struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Roll one image out to many tenants, in waves; watch it, steer it, roll it back.",
        discussion: "ID is a rollout's id, its first 8 or more characters, or `latest`.",
        subcommands: [
            StartRollout.self, WatchRollout.self, PauseRollout.self, ResumeRollout.self, AbortRollout.self,
            PromoteRollout.self, RollBackRollout.self, ListRollouts.self, ShowRollout.self,
            SummariseRollout.self,
        ])
}
