import CurlHTTP
import Foundation
import Logging
import Postgres

/// A run of the production workflows in virtual time, from the first signup until everything has ended.
///
/// What is real: the engine with its claims, leases and heartbeats, every workflow, the stores and their SQL
/// on a PostgreSQL, the providers' clients down to the request. What is simulated: time, chance, the network,
/// and what lies behind it.
struct Simulation: Sendable {
    let settings: SimulationSettings
    let run: VirtualRun

    private static let changing: [SQL] = [
        "workflows", "orgs", "tenants", "resource_ledger", "workflow_steps", "boot_events",
    ]
    /// Past this, what has not ended counts as stuck: patience of the workflows, and time to launch them all.
    private var limit: Int { (4 * 3_600 + settings.tenants) * 1_000_000 }

    func report(tell: @Sendable (String) -> Void) async throws -> SimulationReport {
        let meter = Meter()
        return try await run.withScratch(seed: settings.seed) { scratch in
            try await report(on: scratch, meter, tell)
        }
    }

    private func report(
        on scratch: ScratchDatabase, _ meter: Meter, _ tell: @Sendable (String) -> Void
    ) async throws -> SimulationReport {
        let scheduler = Scheduler()
        let faults = FaultProfile(settings.faults)
        let tally = Tally()
        let trace = try Trace(scheduler, path: settings.trace)
        let world = World(scheduler, faults, seed: settings.seed, trace: trace, tally: tally)
        let network = SimulatedNetwork(
            scheduler, faults, seed: settings.seed, tally: tally, trace: trace,
            providers: Providers(ec2: world.ec2, cloudflare: world.cloudflare, edge: world.edge))
        let chaos = try run.chaos(world, network, scratch, settings)
        let customers = Customers(world, settings)
        let clock = VirtualClock(scratch, logger: run.logger)
        let before = try await scratch.transactions()
        chaos.start(replicas: settings.replicas)
        customers.come()
        try await run.pass(world, clock, story(world, customers, clock), tell: tell)
        try await Invariants(world: world, clock: clock).check()
        var report = SimulationReport(settings, world, customers, meter)
        try await report.readTables(clock)
        report.count(transactions: try await run.end(world, clock, scratch, since: before))
        return report
    }

    private func story(_ world: World, _ customers: Customers, _ clock: VirtualClock) -> VirtualRun.Story {
        VirtualRun.Story(
            limit: limit, changing: Self.changing,
            hasEnded: { if customers.areDone { try await Self.haveAllEnded(clock) } else { false } },
            progress: { try await Self.progress(world, clock) })
    }

    private static func haveAllEnded(_ clock: VirtualClock) async throws -> Bool {
        let rows = try await clock.query(
            """
            SELECT EXISTS (SELECT 1 FROM orgs WHERE status IN ('provisioning', 'deprovisioning'))
                OR EXISTS (SELECT 1 FROM workflows JOIN orgs ON orgs.id::text = subject
                    WHERE state IN ('waiting', 'running')) AS more
            """)
        return try !rows[0]["more", as: Bool.self]
    }

    private static func progress(_ world: World, _ clock: VirtualClock) async throws -> String {
        let rows = try await clock.query(
            "SELECT status, count(*)::int AS n FROM orgs GROUP BY status ORDER BY status")
        let states = try rows.map { "\(try $0["n", as: Int.self]) \(try $0["status", as: String.self])" }
        let counts = world.tally.counts
        return "\(states.joined(separator: ", ")); "
            + "\(counts.launches) launches, \(counts.kills) kills, \(counts.events) events"
    }
}
