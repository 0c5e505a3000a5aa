import Foundation
import Postgres
import TestSupport
import Testing

/// Sent = stored = aggregated = billed, whatever dies on the way: the tenants' spool, the control planes that
/// take its batches and report what is overage, the database, and answers of Stripe's.
/// USAGE_EVENTS says how many events are sent: a million in the whole matrix.
@Suite struct UsageTests {
    private static let events =
        Int(ProcessInfo.processInfo.environment["USAGE_EVENTS"] ?? "")
        ?? (Matrix.isFull ? 1_000_000 : 20_000)
    private static let deaths = Matrix.isFull ? 40 : 8

    @Test(.timeLimit(.minutes(20))) func whatIsUsedIsBilledOnceWhateverDies() async throws {
        let cluster = try await PrivateCluster()
        let settings = [
            "RATE_LIMITS": #"{"tenant.credential": 0, "tenant.address": 0}"#, "OVERAGE_REPORT_SECONDS": "1",
        ]
        try await Scene.run(in: try await SharedCloud.shared.value, settings, cluster: cluster) { scene in
            try await scene.replicas.add()
            let tenants = try await scene.payingTenants(scene.slugs(4))
            try await scene.cloud.operate("PUT", "faults", Self.stripeFaults)
            let load = UsageLoad(tenants: Array(tenants.dropLast()), events: Self.events, seed: 20_261_124)
            #expect(load.repeated * 5 > load.events, "a fifth comes twice")
            let deaths = Deaths(scene, cluster, count: Self.deaths)
            let spool = try KilledSpool(of: tenants[3], scene)
            let lost = try await load.send(to: { scene.replicas.url }, senders: 6) { done, all in
                try await deaths.due(done, of: all)
                try await spool.dieAndStart()
            }
            #expect(await deaths.count == Self.deaths)
            let journal = try await spool.drain()
            let kept = try await Self.expectSpooled(journal, scene)
            try await scene.cloud.operate("PUT", "faults", #"{"rules":[]}"#)
            try await Self.expectStored(load, kept, scene)
            try await Self.expectBilled(scene, of: tenants.map(\.org))
            #expect(scene.replicas.all.flatMap(\.faults) == [], "only what was killed has ended")
            print(
                "usage: \(load.events) events and \(load.repeated) of them twice, \(lost) answers lost, "
                    + "\(kept) events of a spool that died \(await spool.deaths) times, \(Self.deaths) deaths"
                    + " of control planes and the database: sent = stored = aggregated = billed")
        }
        try await cluster.remove()
    }

    /// Of the calls that report: the first answers are lost, others come to nothing.
    private static let stripeFaults: String = {
        let faults = [
            "lost_reply", "reset", "status_503", "malformed", "duplicate", "throttle", "lost_reply",
        ]
        let rules = faults.enumerated().map { number, fault in
            #"{"service":"stripe","operation":"createMeterEvent","fault":"\#(fault)","skip":\#(number),"#
                + #""count":1,"seconds":1}"#
        }
        return #"{"rules":[\#(rules.joined(separator: ","))]}"#
    }()

    /// What the spool had answered is there, and nothing that it was not told.
    private static func expectSpooled(_ journal: SpoolJournal, _ scene: Scene) async throws -> Int {
        let rows = try await scene.database.pool.query(
            "SELECT id::text AS id FROM usage_events WHERE workspace_id::text = \(KilledSpool.workspace)")
        let stored = try rows.map { Substring(try $0["id", as: String.self]) }
        #expect(!journal.kept.isEmpty && journal.kept.subtracting(stored).isEmpty)
        #expect(Set(stored).subtracting(journal.attempted).isEmpty)
        return stored.count
    }

    private static func expectStored(_ load: UsageLoad, _ kept: Int, _ scene: Scene) async throws {
        let stored = try await UsageLoad.stored(in: scene.database.pool)
        func split(_ sums: UsageLoad.Sums) -> (load: UsageLoad.Sums, spool: Int) {
            let own = sums.filter { $0.key.contains(KilledSpool.workspace) }
            return (sums.filter { own[$0.key] == nil }, own.values.reduce(0) { $0 + $1[0] })
        }
        #expect(stored.ids == load.events + kept)
        #expect(split(stored.raw).load == load.expected && split(stored.raw).spool == kept)
        #expect(split(stored.hours).load == load.expected && split(stored.hours).spool == kept)
        #expect(split(stored.days).load == load.expectedDays && split(stored.days).spool == kept)
        #expect(stored.gaps == 0)
        #expect(try await scene.rows("usage_set_aside") == 0)
    }

    /// What is in the raw rows, beyond what was granted, is what Stripe has counted.
    private static func expectBilled(_ scene: Scene, of orgs: [UUID]) async throws {
        let rows = try await scene.database.pool.query(
            """
            SELECT o.org_id::text AS org, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
                sum(millicredits)::bigint / 1000 AS used
            FROM usage_events JOIN usage_orgs o ON o.key = org GROUP BY 1, 2
            """)
        var charged: Set<String> = []
        for row in rows {
            let (org, month): (String, String) = (try row["org"], try row["month"])
            let used = try row["used", as: Int.self]
            try await eventually("the books of \(org) to agree", within: .seconds(240)) {
                try await scene.letReportsPass()
                guard let books = try await Books.all(month, scene)[org] else {
                    // Within what was granted, there are no books.
                    return try await scene.granted(org, month) >= used
                }
                let overage = books.used - books.granted
                guard books.used == used, overage > 0 else { return false }
                charged.insert(org)
                return books.overage == overage && books.reported == overage && books.counted == overage
            }
        }
        #expect(charged.count >= orgs.count - 1, "all but the spool's organisation")
        try await eventually("every report to be confirmed", within: .seconds(240)) {
            try await scene.letReportsPass()
            return try await scene.rows("overage_reports WHERE state NOT IN ('confirmed', 'reconciled')") == 0
        }
    }
}

extension Scene {
    /// Leases of the dead and pauses are over. Whatever is sent twice by that is the same event to Stripe.
    fileprivate func letReportsPass() async throws {
        try await database.pool.execute(
            "UPDATE overage_reports SET next_look_at = now() WHERE next_look_at > now()")
    }

    fileprivate func granted(_ org: String, _ month: String) async throws -> Int {
        try await database.pool.query(
            """
            SELECT coalesce(sum(credits), 0)::bigint AS granted FROM credit_grants
            WHERE org_id::text = \(org) AND to_char(period, 'YYYY-MM') = \(month)
            """)[0]["granted"]
    }
}

/// Ends control planes and the database, evenly over the way.
private actor Deaths {
    private let scene: Scene
    private let cluster: PrivateCluster
    private let all: Int
    private(set) var count = 0
    private var isUnderWay = false

    init(_ scene: Scene, _ cluster: PrivateCluster, count: Int) {
        self.scene = scene
        self.cluster = cluster
        all = count
    }

    func due(_ done: Int, of batches: Int) async throws {
        guard !isUnderWay, count < all, done * (all + 1) >= batches * (count + 1) else { return }
        (isUnderWay, count) = (true, count + 1)
        let replicas = scene.replicas.all
        switch count % 4 {
        case 1: replicas[1].kill()
        case 2: replicas[0].kill()
        case 3: try await cluster.restart(crashing: count % 8 == 3)
        default: replicas.forEach { $0.kill() }
        }
        isUnderWay = false
    }
}

/// A tenant's real spool: it records and sends, and dies again and again.
private actor KilledSpool {
    /// Of all that it records.
    static let workspace = "5b001000-0000-4000-8000-000000000001"
    private static let shortestLife: Duration = .milliseconds(150)

    private let folder: String
    private let environment: [String: String]
    private let url: String
    private var process: ChildProcess?
    private var born = ContinuousClock.now
    private var isDying = false
    private(set) var deaths = 0

    init(of tenant: UsageLoad.Tenant, _ scene: Scene) throws {
        folder = try makeTemporaryFolder("spool")
        url = scene.replicas.environment["CP_PUBLIC_URL"] ?? ""
        environment = [
            "SPOOL_TOKEN": tenant.token, "SPOOL_ORG": tenant.org.uuidString.lowercased(),
            "SPOOL_WORKSPACE": Self.workspace,
        ]
    }

    /// Once it has lived a while. Of many who ask at a time, one is heard.
    func dieAndStart() async throws {
        guard !isDying, ContinuousClock.now - born > Self.shortestLife else { return }
        isDying = true
        defer { isDying = false }
        await die()
        process = try start("record")
    }

    /// Sends what is left on the disk.
    func drain() async throws -> SpoolJournal {
        await die()
        let rest = try start("drain")
        do {
            try await eventually("the spool to be empty", within: Scene.patience) { !rest.isRunning }
        } catch {
            await rest.stop()
            throw TestSupportError("\(error): \(rest.collectedOutput.suffix(500))")
        }
        let journal = try SpoolJournal(path: "\(folder)/journal")
        try FileManager.default.removeItem(atPath: folder)
        return journal
    }

    private func start(_ mode: String) throws -> ChildProcess {
        born = .now
        return try ChildProcess(
            builtProduct("spool-process"), [folder, url, "\(folder)/journal", mode], environment: environment)
    }

    private func die() async {
        guard let process else { return }
        self.process = nil
        deaths += 1
        process.signal(SIGKILL)
        await process.stop()
    }
}
