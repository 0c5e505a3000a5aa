import ArgumentParser
import Foundation
import Hummingbird
import Logging

struct Sim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Run the workflows in virtual time against simulated providers with the real limits.",
        discussion: "Uses a scratch database of its own, which it creates beside the given one and drops.")

    @OptionGroup var settings: SimulationSettings

    @Option(help: "A PostgreSQL whose user may create databases; else DATABASE_URL.")
    var database: String?

    @Option(help: "Run this many seeds, from --seed on.")
    var seeds = 1

    @Flag(help: "Print one JSON object a seed.")
    var json = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let server = database ?? environment[Variable.databaseURL.name] else {
            throw ValidationError("Give --database, or set DATABASE_URL.")
        }
        var broken = 0
        for number in 0..<UInt64(max(1, seeds)) {
            var settings = settings
            settings.seed += number
            let report = try await Simulation(
                settings: settings, server: server, environment: environment, logger: Self.logger
            ).run { line in
                try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
            }
            print(json ? report.json : report.text)
            if !report.isSound { broken += 1 }
        }
        if broken > 0 { throw ExitCode(1) }
    }

    /// What the service would log of thousands of tenants is not for a person, unless asked for.
    static var logger: Logger {
        var logger = Logger(label: "sim") { StreamLogHandler.standardError(label: $0) }
        let wanted = ProcessInfo.processInfo.environment["LOG_LEVEL"] ?? "critical"
        logger.logLevel = Logger.Level(rawValue: wanted) ?? .critical
        return logger
    }
}
