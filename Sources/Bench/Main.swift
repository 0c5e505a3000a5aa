import ArgumentParser

/// Measures what the product promises figures for. Each measurement is one subcommand in one file, prints the
/// figure of ours and of something known in the same run, and their ratio.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measurements beside a known program in the same run.",
        subcommands: [SignaturesBench.self, WorkflowsBench.self, ControlPlaneBench.self, UsageBench.self])
}
