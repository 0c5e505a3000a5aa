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
    let server: String
    let environment: [String: String]
    let logger: Logger

    /// How often the tables are looked at for the end, and cleaned as autovacuum would.
    static let lookEvery = 5_000_000
    static let vacuumEvery = 60_000_000
    /// Past this, what has not ended counts as stuck: patience of the workflows, and time to launch them all.
    var limit: Int { (4 * 3_600 + settings.tenants) * 1_000_000 }

    func run(progress: @Sendable (String) -> Void) async throws -> SimulationReport {
        let meter = Meter()
        let migrations = environment[Variable.migrationsPath.name] ?? Variable.migrationsPath.fallback ?? ""
        let scratch = try await ScratchDatabase.create(
            server: server, migrations: migrations, seed: settings.seed, logger: logger)
        do {
            let report = try await run(on: scratch, meter, progress)
            await scratch.drop()
            return report
        } catch {
            await scratch.drop()
            throw error
        }
    }

    private func run(
        on scratch: ScratchDatabase, _ meter: Meter, _ progress: @Sendable (String) -> Void
    ) async throws -> SimulationReport {
        let scheduler = Scheduler()
        let faults = FaultProfile(settings.faults)
        let tally = Tally()
        let trace = try Trace(scheduler, path: settings.trace)
        let world = World(scheduler, faults, seed: settings.seed, trace: trace, tally: tally)
        let network = SimulatedNetwork(
            scheduler, faults, seed: settings.seed, tally: tally, trace: trace,
            providers: Providers(ec2: world.ec2, cloudflare: world.cloudflare, edge: world.edge))
        let configuration = try SimulatedPlatform.configuration(
            database: scratch.url, settings, given: environment)
        let (seed, logger) = (settings.seed, logger)
        let chaos = Chaos(world, seed: seed) { number, life in
            VirtualReplica(
                number: number, life: life, configuration, seed: seed, network: network, world: world,
                logger: logger)
        }
        let customers = Customers(world, settings)
        let clock = VirtualClock(scratch, logger: logger)
        let before = try await scratch.transactions()
        chaos.start(replicas: settings.replicas)
        customers.come()
        try await pass(world, customers, clock, progress)
        try await Invariants(world: world, clock: clock).check()
        var report = SimulationReport(settings, world, customers, meter)
        try await report.readTables(clock)
        await end(world, clock)
        let own = await clock.count
        report.count(transactions: try await scratch.settledTransactions() - before - own)
        return report
    }

    /// Lets happen what is next, until all has ended or the limit is reached.
    private func pass(
        _ world: World, _ customers: Customers, _ clock: VirtualClock, _ progress: @Sendable (String) -> Void
    ) async throws {
        let scheduler = world.scheduler
        var (nextLook, nextVacuum) = (Self.lookEvery, Self.lookEvery)
        var told = ContinuousClock.now
        while let step = scheduler.next(), step.time < limit {
            if await clock.mustMove(to: step), try await clock.move(to: step.time) {
                // May be sooner than what was to be next.
                for replica in world.replicas { replica.signal() }
                continue
            }
            await scheduler.carryOut(step)
            world.tally.add { $0.events += 1 }
            if step.time >= nextVacuum {
                nextVacuum = step.time + Self.vacuumEvery
                try await vacuum(clock)
            }
            if step.time >= nextLook {
                nextLook = step.time + Self.lookEvery
                if customers.areDone, try await haveAllEnded(clock) { return }
            }
            if ContinuousClock.now - told > .seconds(5) {
                told = .now
                progress(try await Self.progress(world, clock))
            }
        }
    }

    private func haveAllEnded(_ clock: VirtualClock) async throws -> Bool {
        let rows = try await clock.query(
            """
            SELECT EXISTS (SELECT 1 FROM orgs WHERE status IN ('provisioning', 'deprovisioning'))
                OR EXISTS (SELECT 1 FROM workflows JOIN orgs ON orgs.id::text = subject
                    WHERE state IN ('waiting', 'running')) AS more
            """)
        return try !rows[0]["more", as: Bool.self]
    }

    private func vacuum(_ clock: VirtualClock) async throws {
        let tables: [SQL] = [
            "VACUUM (ANALYZE) workflows", "VACUUM (ANALYZE) orgs", "VACUUM (ANALYZE) tenants",
            "VACUUM resource_ledger", "VACUUM workflow_steps", "VACUUM boot_events",
        ]
        for table in tables { _ = try await clock.query(table) }
    }

    private static func progress(_ world: World, _ clock: VirtualClock) async throws -> String {
        let rows = try await clock.query(
            "SELECT status, count(*)::int AS n FROM orgs GROUP BY status ORDER BY status")
        let states = try rows.map { "\(try $0["n", as: Int.self]) \(try $0["status", as: String.self])" }
        let counts = world.tally.counts
        return "\(world.scheduler.now / 1_000_000) s: \(states.joined(separator: ", ")); "
            + "\(counts.launches) launches, \(counts.kills) kills, \(counts.events) events"
    }

    private func end(_ world: World, _ clock: VirtualClock) async {
        for replica in world.replicas { await replica.kill() }
        await world.scheduler.close()
        await clock.close()
    }
}
