import ArgumentParser
import Foundation

struct SimRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim-rollout",
        abstract: "Roll an image out over a simulated fleet, in virtual time.",
        discussion: "Uses a scratch database of its own, which it creates beside the given one and drops.")

    @OptionGroup var settings: RolloutSimulationSettings

    @Option(help: "A PostgreSQL whose user may create databases; else DATABASE_URL.")
    var database: String?

    @Option(help: "Run this many seeds, from --seed on.")
    var seeds = 1

    @Flag(help: "Print one JSON object a seed.")
    var json = false

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
        let environment = ProcessInfo.processInfo.environment
        guard let server = database ?? environment[Variable.databaseURL.name] else {
            throw ValidationError("Give --database, or set DATABASE_URL.")
        }
        var broken = 0
        for number in 0..<UInt64(max(1, seeds)) {
            var settings = settings
            settings.seed += number
            let simulation = RolloutSimulation(
                settings: settings, server: server, environment: environment, logger: Sim.logger)
            let report = try await simulation.run { line in
                try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
            }
            print(json ? report.json : report.text)
            if !report.isSound { broken += 1 }
        }
        if broken > 0 { throw ExitCode(1) }
    }
}
