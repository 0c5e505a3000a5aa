import Foundation
import Logging
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Service
@testable import WireText

/// The production workflows against a whole simulated world. Serial: each run uses a processor of its own.
@Suite(.serialized) struct SimulationTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aSeedEndsWell(seed: UInt64) async throws {
        let report = try await simulate(.default, tenants: 40, seed: seed)
        #expect(report.isSound, "\(report.text)")
        #expect(report.running + report.failed + report.purged == 40)
        #expect(report.running > 25)
    }

    @Test func aHarshWorldEndsWellToo() async throws {
        let report = try await simulate(.harsh, tenants: 40, seed: 11)
        #expect(report.isSound, "\(report.text)")
        #expect(!report.faultsInjected.isEmpty && report.kills > 0)
    }

    @Test func aSeedReplaysExactly() async throws {
        let first = try await simulate(.harsh, tenants: 30, seed: 5)
        let second = try await simulate(.harsh, tenants: 30, seed: 5)
        #expect(first.traceHash == second.traceHash)
        #expect(first.tracedEvents == second.tracedEvents)
        let other = try await simulate(.harsh, tenants: 30, seed: 6)
        #expect(first.traceHash != other.traceHash)
    }

    /// `SIMULATION_SEEDS=100` runs that many, as `make simulate` does.
    @Test(.enabled(if: Self.seeds > 0))
    func manySeedsEndWell() async throws {
        for seed in 1...UInt64(max(1, Self.seeds)) {
            let faults: FaultProfile.Name = seed % 2 == 0 ? .harsh : .default
            let report = try await simulate(faults, tenants: 60, seed: 1_000 + seed)
            #expect(report.isSound, "\(report.text)")
        }
    }

    private static let seeds = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap(Int.init) ?? 0
}

private func simulate(
    _ faults: FaultProfile.Name, tenants: Int, seed: UInt64
) async throws -> SimulationReport {
    var settings = try SimulationSettings.parse([])
    settings.faults = faults
    settings.tenants = tenants
    settings.seed = seed
    settings.deleted = 0.2
    var logger = Logger(label: "simulation")
    logger.logLevel = .critical
    let database = try await TestDatabase.create(migrated: false)
    let run = VirtualRun(
        server: database.url,
        environment: [
            "TERMS_FILE": "\(packageRoot)/legal/terms.md",
            "MIGRATIONS_PATH": "\(packageRoot)/migrations", "USERDATA_PATH": "\(packageRoot)/userdata",
        ], logger: logger)
    let simulation = Simulation(settings: settings, run: run)
    let result: Result<SimulationReport, any Error>
    do { result = .success(try await simulation.report { _ in }) } catch { result = .failure(error) }
    await database.drop()
    return try result.get()
}
