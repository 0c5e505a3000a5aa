import ArgumentParser
import Foundation
import Logging
import Service

/// What one seed came to.
protocol SeedReport: Encodable, Sendable {
    /// Every invariant held.
    var isSound: Bool { get }
    /// For a person.
    var text: String { get }
}

/// Where a simulation's database is, how many seeds are run, and how it is told.
struct SimulationOptions: ParsableArguments {
    @Option(help: "A PostgreSQL whose user may create databases; else DATABASE_URL.")
    var database: String?

    @Option(help: "Run this many seeds, from --seed on.")
    var seeds = 1

    @Flag(help: "Print one JSON object a seed.")
    var json = false

    /// Runs seed after seed and prints what each came to; fails when an invariant of one did not hold.
    /// - Parameter body: told the seed, how to run it, and what to tell on the way.
    func run(
        from seed: UInt64,
        _ body: (UInt64, VirtualRun, @Sendable (String) -> Void) async throws -> any SeedReport
    ) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let server = database ?? environment[Variable.databaseURL.name] else {
            throw ValidationError("Give --database, or set DATABASE_URL.")
        }
        let run = VirtualRun(server: server, environment: environment, logger: Self.logger)
        var broken = 0
        for number in 0..<UInt64(max(1, seeds)) {
            let report = try await body(seed + number, run) { line in
                try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
            }
            print(json ? report.json : report.text)
            if !report.isSound { broken += 1 }
        }
        if broken > 0 { throw ExitCode(1) }
    }

    /// What the service would log of thousands of tenants is not for a person, unless asked for.
    private static var logger: Logger {
        var logger = Logger(label: "sim") { StreamLogHandler.standardError(label: $0) }
        let wanted = ProcessInfo.processInfo.environment["LOG_LEVEL"] ?? "critical"
        logger.logLevel = Logger.Level(rawValue: wanted) ?? .critical
        return logger
    }
}
