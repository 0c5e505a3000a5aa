import ArgumentParser

struct WorkflowsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflows", abstract: "Workflow steps a second, and wake to start, beside pgbench.")

    @Option(help: "The database to run on.") var databaseURL: String

    func run() async throws {}
}
