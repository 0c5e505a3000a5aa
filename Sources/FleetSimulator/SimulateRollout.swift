import ArgumentParser
import Fleet

struct SimulateRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Roll an image out over a simulated fleet, in virtual time.",
        discussion: "Uses a scratch database of its own, which it creates beside the given one and drops.")

    @OptionGroup var settings: RolloutSimulationSettings
    @OptionGroup var options: SimulationOptions

    func validate() throws {
        guard settings.tenants > RolloutSimulationSettings.canaries,
            RolloutSettings.batchLimits.contains(settings.batch),
            RolloutSettings.concurrencyLimits.contains(settings.concurrency),
            (1...100).contains(settings.replicas)
        else {
            throw ValidationError(
                "a simulated rollout has more than 5 tenants, 1 to 100 replicas, batches of 1 to 50 and a "
                    + "concurrency of 1 to 50")
        }
    }

    func run() async throws {
        try await options.run(from: settings.seed) { seed, run, tell in
            var settings = settings
            settings.seed = seed
            return try await RolloutSimulation(settings: settings, run: run).report(tell: tell)
        }
    }
}
