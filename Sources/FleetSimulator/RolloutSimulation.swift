import AdminProtocol
import ArgumentParser
import CurlHTTP
import Fleet
import Foundation
import Logging
import Postgres

/// What a person may ask of a simulated rollout.
struct RolloutSimulationSettings: ParsableArguments, Sendable {
    @Option(help: "How many tenants run, and are to run another image.")
    var tenants = 10_000
    @Option(help: "How many control planes share the work.")
    var replicas = 3
    @Option(help: "The same seed, with the same options, gives the same run.")
    var seed: UInt64 = 1
    @Option(help: "What goes wrong with calls and replicas: none, default or harsh.")
    var faults = FaultProfile.Name.default
    @Option(help: "Percent of the tenants on which the image never becomes healthy.")
    var failing = 1.0
    @Option(help: "Percent of the tenants that are slow.")
    var slow = 2.0
    @Option(help: "Percent of the tenants that Systems Manager does not reach at first.")
    var offline = 3.0
    @Option(help: "Tenants that share one command, at most 50.")
    var batch = 50
    @Option(help: "Batches at the same time.")
    var concurrency = 10
    @Option(help: "Percent of failures that are borne.")
    var tolerated = 5
    @Option(help: "Write everything that happens to this file.")
    var trace: String?

    static let canaries = 5

    var rollout: RolloutBody {
        RolloutBody(
            targetTag: "v2", soakSeconds: 300, waveSoakSeconds: 60, waves: [5, 25, 100], batchSize: batch,
            concurrency: concurrency, maximumFailurePercent: tolerated, offlineSeconds: 600)
    }

    /// What the replicas of such a run are told.
    func platform() throws -> SimulationSettings {
        var settings = try SimulationSettings.parse([])
        (settings.tenants, settings.seed, settings.places) = (tenants, seed, 5)
        return settings
    }

    var command: String {
        "fleet-simulator rollout --tenants \(tenants) --replicas \(replicas) --seed \(seed)"
            + " --faults \(faults.rawValue) --failing \(failing) --slow \(slow) --offline \(offline)"
            + " --batch \(batch) --concurrency \(concurrency) --tolerated \(tolerated)"
    }
}

/// A rollout of the production workflows over a simulated fleet, in virtual time, from its start to its end.
struct RolloutSimulation: Sendable {
    let settings: RolloutSimulationSettings
    let run: VirtualRun

    private static let changing: [SQL] = [
        "workflows", "workflow_steps", "rollouts", "rollout_tenants", "redeploys",
    ]
    /// Past a day, a rollout that has not ended counts as stuck.
    private static let limit = 86_400 * 1_000_000

    func report(tell: @Sendable (String) -> Void) async throws -> RolloutSimulationReport {
        let meter = Meter()
        return try await run.withScratch(seed: settings.seed) { scratch in
            try await report(on: scratch, meter, tell)
        }
    }

    private func report(
        on scratch: ScratchDatabase, _ meter: Meter, _ tell: @Sendable (String) -> Void
    ) async throws -> RolloutSimulationReport {
        let scheduler = Scheduler()
        let tally = Tally()
        let trace = try Trace(scheduler, path: settings.trace)
        let faults = FaultProfile(settings.faults)
        let world = World(scheduler, faults, seed: settings.seed, trace: trace, tally: tally)
        let fleet = SimulatedFleet(
            tenants: settings.tenants,
            shares: .init(
                failing: settings.failing / 100, slow: settings.slow / 100, offline: settings.offline / 100),
            seed: settings.seed, tally: tally)
        let providers = Providers(
            ec2: world.ec2, cloudflare: world.cloudflare, edge: world.edge, fleet: fleet)
        let network = SimulatedNetwork(
            scheduler, faults, seed: settings.seed, tally: tally, trace: trace, providers: providers)
        let chaos = try run.chaos(world, network, scratch, try settings.platform())
        let clock = VirtualClock(scratch, logger: run.logger)
        try await insertTenants(scratch)
        let before = try await scratch.transactions()
        chaos.start(replicas: settings.replicas)
        begin(world)
        try await run.pass(world, clock, story(world, clock), tell: tell)
        var report = try await RolloutSimulationReport(settings, world, fleet, meter, clock)
        report.count(transactions: try await run.end(world, clock, scratch, since: before))
        return report
    }

    private func story(_ world: World, _ clock: VirtualClock) -> VirtualRun.Story {
        VirtualRun.Story(
            limit: Self.limit, changing: Self.changing,
            hasEnded: {
                try await !clock.query(
                    "SELECT 1 AS one FROM rollouts WHERE finished_at IS NOT NULL OR state = 'paused'"
                ).isEmpty
            },
            progress: { "\(world.tally.counts.events) events" })
    }

    private func insertTenants(_ scratch: ScratchDatabase) async throws {
        let pool = PostgresPool(
            PostgresConfiguration(url: scratch.url, maximumConnections: 1), logger: run.logger)
        try await SimulatedFleet.insertRows(
            settings.tenants, canaries: RolloutSimulationSettings.canaries, in: pool)
        try await pool.execute("ANALYZE")
        await pool.close()
    }

    /// An operator orders it from some replica, again and again until one takes it.
    private func begin(_ world: World) {
        let (settings, id) = (settings, UUID(uuid: UUID.simulated(settings.seed)))
        world.scheduler.start(after: .seconds(1)) {
            while true {
                if let platform = world.anyReplica() {
                    do {
                        let order = try RolloutOrder(
                            settings.rollout, healthSeconds: platform.fleet.healthSeconds)
                        var planned = try await Rollouts(fleet: platform.fleet).planRollout(order)
                        planned.rollout.id = id
                        return try await Rollouts(fleet: platform.fleet).startRollout(
                            planned, by: .service("simulation"))
                    } catch let error as AppError where error.code == "rollout_in_progress" {
                        return
                    } catch {
                        world.trace.note("operator", "was not heard")
                    }
                }
                guard (try? await world.scheduler.sleep(.seconds(1))) != nil else { return }
            }
        }
    }
}

extension UUID {
    fileprivate static func simulated(_ seed: UInt64) -> uuid_t {
        func byte(_ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: seed >> (8 * shift)) }
        return (
            0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, byte(6), byte(5), byte(4), byte(3), byte(2), byte(1), byte(0)
        )
    }
}
