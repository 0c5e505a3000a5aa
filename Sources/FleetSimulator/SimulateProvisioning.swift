import ArgumentParser

struct SimulateProvisioning: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provision",
        abstract: "Run the workflows in virtual time against simulated providers with the real limits.",
        discussion: "Uses a scratch database of its own, which it creates beside the given one and drops.")

    @OptionGroup var settings: SimulationSettings
    @OptionGroup var options: SimulationOptions

    func run() async throws {
        try await options.run(from: settings.seed) { seed, run, tell in
            var settings = settings
            settings.seed = seed
            return try await Simulation(settings: settings, run: run).report(tell: tell)
        }
    }
}
