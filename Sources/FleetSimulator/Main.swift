import ArgumentParser

@main
struct FleetSimulator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-simulator",
        abstract: "Run the production workflows in virtual time against simulated providers and tenants.",
        subcommands: [SimulateProvisioning.self, SimulateRollout.self])
}
