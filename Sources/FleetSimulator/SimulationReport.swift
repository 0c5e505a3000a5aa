import Foundation
import Postgres

/// What a simulation came to.
struct SimulationReport: SeedReport, Codable {
    var seed: UInt64
    var tenants: Int
    var replicas: Int
    var faults: String
    /// How to see it again.
    var replay: String
    /// The same for two runs of a seed.
    var traceHash: String
    var tracedEvents: Int

    var running = 0
    var failed = 0
    var purged = 0
    var refused: Int
    /// From the first signup to the last tenant that came to run.
    var provisioningSeconds = 0.0
    var tenantsPerHour = 0.0
    var launches: Int
    /// From the first to the last, per hour.
    var launchesPerHour = 0.0
    /// What the RunInstances bucket allows: 2 a second.
    var limitPerHour = 7_200.0
    var shareOfLimit = 0.0
    var secondsToRunMedian = 0.0
    var secondsToRun95 = 0.0

    var providerCalls: [String: Int]
    var providerCallsPerTenant = 0.0
    var throttled: [String: Int]
    var faultsInjected: [String: Int]
    var kills: Int
    var pauses: Int
    var workflowRuns: Int
    var transactionsPerTenant = 0.0

    var virtualSeconds: Double
    var wallSeconds: Double
    var processorSeconds: Double
    var peakMemoryMiB: Double
    var invariants = Invariants.rules
    var violations: [Violation]

    init(_ settings: SimulationSettings, _ world: World, _ customers: Customers, _ meter: Meter) {
        let counts = world.tally.counts
        seed = settings.seed
        tenants = settings.tenants
        replicas = settings.replicas
        faults = settings.faults.rawValue
        replay = settings.command
        traceHash = world.trace.hash
        tracedEvents = world.trace.count
        refused = customers.refused
        launches = counts.launches
        providerCalls = counts.calls
        providerCallsPerTenant = Double(counts.calls.values.reduce(0, +)) / Double(settings.tenants)
        throttled = counts.throttled
        faultsInjected = counts.faults
        kills = counts.kills
        pauses = counts.pauses
        workflowRuns = counts.runs
        virtualSeconds = Double(world.scheduler.now) / 1_000_000
        wallSeconds = meter.wallSeconds
        processorSeconds = meter.processorSeconds
        peakMemoryMiB = Meter.peakMemory
        violations = counts.violations
        if let first = counts.firstLaunch, let last = counts.lastLaunch, last > first {
            launchesPerHour = Double(counts.launches - 1) / Double(last - first) * 3_600_000_000
            shareOfLimit = launchesPerHour / limitPerHour
        }
    }

    mutating func readTables(_ clock: VirtualClock) async throws {
        for row in try await clock.query("SELECT status, count(*)::int AS n FROM orgs GROUP BY status") {
            let count: Int = try row["n"]
            switch try row["status", as: String.self] {
            case "running": running = count
            case "failed": failed = count
            default: purged += count
            }
        }
        let row = try await clock.query(
            """
            SELECT count(running_at)::int AS n,
                coalesce(extract(epoch FROM max(running_at) - (SELECT min(created_at) FROM orgs)), 0)::float8
                    AS seconds,
                coalesce(percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY extract(epoch FROM running_at - provisioning_at)), 0)::float8 AS median,
                coalesce(percentile_cont(0.95) WITHIN GROUP (
                    ORDER BY extract(epoch FROM running_at - provisioning_at)), 0)::float8 AS p95
            FROM tenants
            """)[0]
        provisioningSeconds = try row["seconds"]
        secondsToRunMedian = try row["median"]
        secondsToRun95 = try row["p95"]
        guard provisioningSeconds > 0 else { return }
        tenantsPerHour = Double(launches) / provisioningSeconds * 3_600
    }

    mutating func count(transactions: Int) {
        transactionsPerTenant = Double(transactions) / Double(tenants)
    }

    var isSound: Bool { violations.isEmpty }
}

extension SimulationReport {
    var text: String {
        """
        seed \(seed), \(tenants) tenants, \(replicas) replicas, faults \(faults)
          ended         \(running) running, \(failed) failed, \(purged) purged, \(refused) refused
          throughput    \(Figures.whole(tenantsPerHour)) an hour from the first signup to the last that runs;\
         launches \(Figures.whole(launchesPerHour)) an hour, \
        \(Figures.percent(shareOfLimit)) of RunInstances' own limit
          time to run   median \(Figures.whole(secondsToRunMedian)) s, 95th percentile \
        \(Figures.whole(secondsToRun95)) s
          provider      \(Figures.tenth(providerCallsPerTenant)) calls a tenant: \
        \(Figures.list(providerCalls))
          throttled     \(Figures.list(throttled))
          database      \(Figures.tenth(transactionsPerTenant)) transactions a tenant; \
        \(Figures.tenth(Double(workflowRuns) / Double(tenants))) runs of workflows a tenant
          faults        \(Figures.list(faultsInjected)); replicas killed \(kills), paused \(pauses)
          cost          \(Figures.tenth(virtualSeconds)) s of virtual time in \
        \(Figures.tenth(wallSeconds)) s; processor \(Figures.tenth(processorSeconds)) s, \
        peak memory \(Figures.whole(peakMemoryMiB)) MiB
          trace         \(traceHash) over \(tracedEvents) events
          \(Figures.verdict(invariants, violations, replay: replay))
        """
    }
}
