import Logging
import Postgres
import Service

/// What every simulation shares: a database that it has for itself, replicas that chance kills and pauses,
/// and time that passes until its story has ended.
struct VirtualRun: Sendable {
    let server: String
    let environment: [String: String]
    let logger: Logger

    /// How often the tables are looked at for the end, and cleaned as autovacuum would; microseconds.
    static let lookEvery = 5_000_000
    static let vacuumEvery = 60_000_000
    /// How often a person is told where it stands.
    static let tellEvery: Duration = .seconds(5)

    /// How one story ends, and what is said of it on the way.
    struct Story: Sendable {
        /// Past this, in microseconds of virtual time, what has not ended counts as stuck.
        var limit: Int
        /// Tables whose rows change all the time.
        var changing: [SQL]
        var hasEnded: @Sendable () async throws -> Bool
        var progress: @Sendable () async throws -> String
    }

    /// Runs `body` on a scratch database, which is dropped whatever happens.
    func withScratch<Report: Sendable>(
        seed: UInt64, _ body: (ScratchDatabase) async throws -> Report
    ) async throws -> Report {
        let migrations = environment[Variable.migrationsPath.name] ?? Variable.migrationsPath.fallback ?? ""
        let scratch = try await ScratchDatabase.create(
            server: server, migrations: migrations, seed: seed, logger: logger)
        do {
            let report = try await body(scratch)
            await scratch.drop()
            return report
        } catch {
            await scratch.drop()
            throw error
        }
    }

    /// Replicas of the service on that database, and what becomes of them.
    func chaos(
        _ world: World, _ network: SimulatedNetwork, _ scratch: ScratchDatabase,
        _ settings: SimulationSettings
    ) throws -> Chaos {
        let configuration = try SimulatedPlatform.configuration(
            database: scratch.url, settings, given: environment)
        let (seed, logger) = (settings.seed, logger)
        return Chaos(world, seed: seed) { number, life in
            VirtualReplica(
                number: number, life: life, configuration, seed: seed, network: network, world: world,
                logger: logger)
        }
    }

    /// Lets happen what is next, until the story has ended or its limit is reached.
    func pass(
        _ world: World, _ clock: VirtualClock, _ story: Story, tell: @Sendable (String) -> Void
    ) async throws {
        let scheduler = world.scheduler
        var (nextLook, nextVacuum) = (Self.lookEvery, Self.lookEvery)
        var told = ContinuousClock.now
        while let step = scheduler.next(), step.time < story.limit {
            if await clock.mustMove(to: step), try await clock.move(to: step.time) {
                // May be sooner than what was to be next.
                for replica in world.replicas { replica.signal() }
                continue
            }
            await scheduler.carryOut(step)
            world.tally.add { $0.events += 1 }
            if step.time >= nextVacuum {
                nextVacuum = step.time + Self.vacuumEvery
                for table in story.changing { _ = try await clock.query("VACUUM (ANALYZE) \(table)") }
            }
            if step.time >= nextLook {
                nextLook = step.time + Self.lookEvery
                if try await story.hasEnded() { return }
            }
            if ContinuousClock.now - told > Self.tellEvery {
                told = .now
                tell("\(scheduler.now / 1_000_000) s: \(try await story.progress())")
            }
        }
    }

    /// Ends every replica, then the clock.
    /// - Returns: transactions that the service made since `before`, without those of the simulation itself.
    func end(
        _ world: World, _ clock: VirtualClock, _ scratch: ScratchDatabase, since before: Int
    ) async throws -> Int {
        for replica in world.replicas { await replica.kill() }
        await world.scheduler.close()
        await clock.close()
        let own = await clock.count
        return try await scratch.settledTransactions() - before - own
    }
}
