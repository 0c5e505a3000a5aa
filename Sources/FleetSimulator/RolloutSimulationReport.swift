import Fleet
import Foundation
import Postgres

/// What a simulated rollout came to.
struct RolloutSimulationReport: SeedReport, Codable {
    var seed: UInt64
    var tenants: Int
    var replicas: Int
    var replay: String
    var traceHash: String
    var tracedEvents: Int

    var state = "none"
    var reason: String?
    /// By outcome.
    var outcomes: [String: Int] = [:]
    /// From the order to the end, in virtual time.
    var rolloutSeconds = 0.0
    /// What its settings allow at the best: every batch as long as its slowest tenant, all slots always in
    /// use, the soaks, and the window for those that are away.
    var settingsSeconds = 0.0
    var shareOfLimit = 0.0
    var batches: Int

    var calls: [String: Int]
    var callsPerTenant = 0.0
    var throttled: [String: Int]
    var faultsInjected: [String: Int]
    var kills: Int
    var pauses: Int
    var transactionsPerTenant = 0.0
    var wallSeconds: Double
    var processorSeconds: Double
    /// Of this process, which also simulates the world.
    var processorSecondsPerThousand = 0.0
    var peakMemoryMiB: Double
    var invariants = [
        "every tenant has an outcome", "rows say what runs", "one redeploy a tenant", "nothing left open",
        "failed only who was fated", "it ended",
    ]
    var violations: [Violation] = []

    init(
        _ settings: RolloutSimulationSettings, _ world: World, _ fleet: SimulatedFleet, _ meter: Meter,
        _ clock: VirtualClock
    ) async throws {
        let counts = world.tally.counts
        seed = settings.seed
        tenants = settings.tenants
        replicas = settings.replicas
        replay = settings.command
        traceHash = world.trace.hash
        tracedEvents = world.trace.count
        batches = fleet.commands.batches
        calls = counts.calls
        throttled = counts.throttled
        faultsInjected = counts.faults
        kills = counts.kills
        pauses = counts.pauses
        wallSeconds = meter.wallSeconds
        processorSeconds = meter.processorSeconds
        peakMemoryMiB = Meter.peakMemory
        callsPerTenant = Double(counts.calls.values.reduce(0, +)) / Double(settings.tenants)
        processorSecondsPerThousand = processorSeconds / Double(settings.tenants) * 1_000
        try await readTables(clock, settings, fleet)
        try await check(clock, fleet)
    }

    mutating func count(transactions: Int) {
        transactionsPerTenant = Double(transactions) / Double(tenants)
    }

    var isSound: Bool { violations.isEmpty }

    private mutating func readTables(
        _ clock: VirtualClock, _ settings: RolloutSimulationSettings, _ fleet: SimulatedFleet
    ) async throws {
        let rows = try await clock.query(
            """
            SELECT state, reason, extract(epoch FROM finished_at - created_at)::float8 AS seconds
            FROM rollouts
            """)
        guard let row = rows.first else { return }
        state = try row["state"]
        reason = try row["reason", as: String?.self]
        rolloutSeconds = try row["seconds", as: Double?.self] ?? 0
        for row in try await clock.query(
            "SELECT outcome, count(*)::int AS n FROM rollout_tenants GROUP BY outcome")
        {
            outcomes[try row["outcome"]] = try row["n"]
        }
        let body = settings.rollout
        let soaks = try await soakSeconds(clock, body)
        // Whoever stays away is waited for until the window closes.
        let window = outcomes["untouched"] == nil ? 0 : Double(body.offlineSeconds ?? 0)
        settingsSeconds = fleet.commands.batchSeconds / Double(settings.concurrency) + soaks + window
        if rolloutSeconds > 0 { shareOfLimit = settingsSeconds / rolloutSeconds }
    }

    /// The canaries' soak, and that of every later wave that the rollout has in fact had.
    private func soakSeconds(_ clock: VirtualClock, _ body: RolloutBody) async throws -> Double {
        let row = try await clock.query("SELECT max(wave) AS last FROM rollout_tenants")[0]
        let later = try row["last", as: Int?.self] ?? 0
        return Double((body.soakSeconds ?? 0) + later * (body.waveSoakSeconds ?? 0))
    }

    // MARK: What must hold

    private mutating func violated(_ rule: String, _ slug: String, _ detail: String) {
        violations.append(Violation(rule: rule, tenant: slug, detail: detail))
    }

    private mutating func check(_ clock: VirtualClock, _ fleet: SimulatedFleet) async throws {
        let isOver = ["succeeded", "incomplete"].contains(state)
        if !isOver { violated("it ended", "-", "it is \(state): \(reason ?? "")") }
        let instances = Dictionary(uniqueKeysWithValues: fleet.commands.instances.map { ($0.slug, $0) })
        let rows = try await clock.query(
            """
            SELECT t.slug, t.outcome, t.is_open, t.digest_after, n.image_digest, (
                SELECT count(*)::int FROM redeploys r
                WHERE r.org_id = t.org_id AND r.rollout_id = t.rollout_id) AS redeploys,
                (SELECT count(*)::int FROM redeploys r
                 WHERE r.org_id = t.org_id AND r.finished_at IS NULL) AS live
            FROM rollout_tenants t JOIN tenants n ON n.org_id = t.org_id
            """)
        if rows.count != tenants { violated("every tenant has an outcome", "-", "\(rows.count) rows") }
        for row in rows { try check(row, instances) }
    }

    private mutating func check(_ row: Row, _ instances: [String: SimulatedFleet.Instance]) throws {
        let slug: String = try row["slug"]
        let outcome: String = try row["outcome"]
        guard let instance = instances[slug] else { return }
        if try row["is_open", as: Bool.self] { violated("nothing left open", slug, "its row is open") }
        if try row["live", as: Int.self] > 0 { violated("nothing left open", slug, "a redeploy is live") }
        let count: Int = try row["redeploys"]
        if count != (outcome == "untouched" ? 0 : 1) {
            violated("one redeploy a tenant", slug, "\(count) of one that is \(outcome)")
        }
        let known = try row["image_digest", as: String?.self]
        if known != instance.digest { violated("rows say what runs", slug, "rows say \(known ?? "none")") }
        switch outcome {
        case "updated" where instance.digest == SimulatedFleet.oldDigest:
            violated("rows say what runs", slug, "it is updated, and runs the old image")
        case "rolled_back" where !instance.fate.fails, "failed":
            violated("failed only who was fated", slug, outcome)
        case "updated", "rolled_back", "untouched": break
        default: violated("every tenant has an outcome", slug, outcome)
        }
    }
}

extension RolloutSimulationReport {
    var text: String {
        """
        seed \(seed), \(tenants) tenants, \(replicas) replicas: \(state)\(reason.map { ", \($0)" } ?? "")
          ended         \(Figures.list(outcomes))
          time          \(Figures.tenth(rolloutSeconds)) s; at the best \
        \(Figures.tenth(settingsSeconds)) s with these batches, slots, soaks and windows: \
        \(Figures.percent(shareOfLimit)); \(batches) batches
          provider      \(Figures.hundredth(callsPerTenant)) calls a tenant: \(Figures.list(calls))
          throttled     \(Figures.list(throttled))
          database      \(Figures.tenth(transactionsPerTenant)) transactions a tenant
          faults        \(Figures.list(faultsInjected)); replicas killed \(kills), paused \(pauses)
          cost          \(Figures.tenth(wallSeconds)) s on the wall; processor \
        \(Figures.tenth(processorSeconds)) s, \
        \(Figures.tenth(processorSecondsPerThousand)) s for 1,000 tenants; \
        peak memory \(Figures.tenth(peakMemoryMiB)) MiB
          trace         \(traceHash) over \(tracedEvents) events
          \(Figures.verdict(invariants, violations, replay: replay))
        """
    }
}
