import ArgumentParser
import CurlHTTP
import Foundation
import Postgres
import Synchronization

/// Usage of models taken over HTTP, beside COPY of the same rows and beside pgbench with the same rows.
struct UsageBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Usage events a second over HTTP beside COPY and pgbench, at the start and at more rows.",
        discussion:
            "Works in a database of its own, which it creates and drops. Run it in the package's folder.")

    @Option(help: "A server where databases may be created (default: DATABASE_URL).")
    var databaseURL: String?
    @Option(help: "The control plane's program.") var program = ".build/release/controlplane"
    @Option(help: "Tenants, each with one batch under way.") var tenants = 8
    @Option(help: "Batches of 1,000 events of each measurement.") var batches = 200
    @Option(help: "Rows to measure at beside those of the start; may be repeated.")
    var rows: [Int] = [1_000_000]
    @Option(help: "Seconds of single events, and of pgbench.") var seconds = 5

    private static let batchSize = 1_000

    func run() async throws {
        let database = try await BenchDatabase.create(on: databaseURL, connections: 4)
        do {
            try await measure(database)
        } catch {
            await database.drop()
            throw error
        }
        await database.drop()
    }

    private func measure(_ database: BenchDatabase) async throws {
        let secret = "adm_" + UUID().uuidString
        try await database.makeEnrolledTenants(tenants, secret: secret)
        let service = try await BenchService.start(
            program, databaseURL: database.url,
            settings: ["RATE_LIMITS": #"{"tenant.credential":0,"tenant.address":0}"#])
        do {
            let load = UsageLoad(url: service.url, secret: secret, tenants: tenants)
            defer { load.http.shutdown() }
            _ = try await load.send(batches: tenants * 4, of: Self.batchSize)
            let first = try await load.send(batches: batches, of: Self.batchSize)
            report("usage over HTTP, batches of 1,000, \(tenants) tenants: \(first.text(Self.batchSize))")
            let bytes = try await database.usageBytes()
            try await compare(first, database)
            for count in rows.sorted() {
                try await database.fillUsage(to: count)
                let later = try await load.send(batches: batches, of: Self.batchSize)
                report(
                    "  at \(Double(count).figure) rows: \(later.text(Self.batchSize));"
                        + " ratio to the start \((later.perSecond / first.perSecond).figure)")
            }
            let single = try await load.send(batches: seconds * 1_000, of: 1)
            report("usage over HTTP, single events, \(tenants) tenants: \(single.text(1))")
            report("bytes of an event: \(bytes)")
        } catch {
            try await service.stop()
            throw error
        }
        try await service.stop()
    }

    /// COPY takes the rows that the service has stored; pgbench writes rows like them.
    private func compare(_ ours: UsageLoad.Result, _ database: BenchDatabase) async throws {
        let copy = try await database.copyUsage()
        report("  COPY of the same rows, without ids: \(copy.figure)/s; ratio \((ours.events / copy).figure)")
        for (name, script, size) in [
            ("batches of 1,000", UsageScripts.batch(Self.batchSize), Self.batchSize),
            ("single events", UsageScripts.batch(1), 1),
        ] {
            let theirs = try database.pgbench(script, clients: tenants, seconds: seconds)
            let rate = theirs.perSecond * Double(size)
            report(
                "  pgbench, ids and rows, \(name): \(rate.figure)/s, \(theirs.averageMilliseconds.figure) ms"
                    + " each; ratio \((ours.events / rate).figure)")
        }
        report("  (\(try await database.durability()))")
    }
}

/// Sends what was made before the clock starts: one batch at a time for each tenant.
struct UsageLoad {
    struct Result {
        var perSecond: Double
        var events: Double
        var p99Milliseconds: Double

        func text(_ size: Int) -> String {
            "\(events.figure) events/s" + (size > 1 ? ", \(perSecond.figure) batches/s" : "")
                + ", p99 \(p99Milliseconds.figure) ms"
        }
    }

    let url: String
    let secret: String
    let tenants: Int
    let http = HTTPClient()

    func send(batches: Int, of size: Int) async throws -> Result {
        let each = max(1, batches / tenants)
        var bodies: [[[UInt8]]] = []
        for tenant in 1...tenants {
            var events = UsageEvents(tenant: tenant)
            bodies.append((0..<each).map { _ in events.batch(size) })
        }
        let made = bodies
        let start = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for tenant in 1...tenants {
                group.addTask { try await send(made[tenant - 1], size, tenant) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let rate = Double(each * tenants) / elapsed
        return Result(
            perSecond: rate, events: rate * Double(size), p99Milliseconds: times.percentile(0.99))
    }

    private struct Receipt: Decodable { var accepted: Int }

    private func send(_ bodies: [[UInt8]], _ size: Int, _ tenant: Int) async throws -> [Double] {
        var times: [Double] = []
        for body in bodies {
            var request = HTTPRequest(
                "POST", "\(url)/cp/llm-usage-events",
                headers: [
                    HTTPField("Authorization", "Bearer \(UsageEvents.adminToken(tenant, secret: secret))"),
                    HTTPField("X-Molecule-Org-Id", UsageEvents.organisation(tenant)),
                    HTTPField("Content-Type", "application/json"),
                ])
            request.body = body
            let start = ContinuousClock.now
            let answer = try await http.send(request)
            times.append((ContinuousClock.now - start) / .milliseconds(1))
            let receipt = try? JSONDecoder().decode(Receipt.self, from: Data(answer.body))
            guard receipt?.accepted == size else {
                throw BenchError("\(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
            }
        }
        return times
    }
}
