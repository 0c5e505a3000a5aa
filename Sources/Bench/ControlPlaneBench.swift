import ArgumentParser
import Foundation
import Postgres

/// The control plane from outside: how soon it answers, what it holds while idle, and how many boot events it
/// takes, beside a handler that does nothing and beside PostgreSQL alone.
struct ControlPlaneBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control-plane",
        abstract: "Start time, idle memory, and boot events beside an idle handler and pgbench.")

    @Option(help: "A PostgreSQL whose user may create databases (default: DATABASE_URL).")
    var databaseURL: String?
    @Option(help: "Seconds of each load.") var seconds = 10
    @Option(help: "Connections of each load.") var connections = 64
    @Option(help: "The control plane's program.") var program = ".build/release/controlplane"

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
        var starts: [Double] = []
        for _ in 0..<5 {
            let service = try await BenchService.start(program, databaseURL: database.url)
            starts.append(service.startMilliseconds)
            try await service.stop()
        }
        let service = try await BenchService.start(program, databaseURL: database.url)
        try await Task.sleep(for: .seconds(2))
        let idle = try service.memoryMebibytes()
        print("control plane: start to first 200: \(starts.percentile(0.5).figure) ms (median of 5)")
        print(
            "control plane: idle memory: \(idle.resident.figure) MiB resident,"
                + " \(idle.anonymous.figure) MiB of it anonymous"
        )
        do {
            try await loadBootEvents(service, database)
        } catch {
            try await service.stop()
            throw error
        }
        try await service.stop()
    }

    private func loadBootEvents(_ service: BenchService, _ database: BenchDatabase) async throws {
        let token = "boot_" + UUID().uuidString
        try await database.makeTenants(BootEventLoad.organisations, bootToken: token)
        let nothing = try wrk(["\(service.url)/health"])
        let script = try BootEventLoad.script(token: token)
        defer { try? FileManager.default.removeItem(atPath: script) }
        let events = try wrk(["-s", script, "\(service.url)/cp/tenants/boot-event"])
        let stored = try await database.pool.query("SELECT count(*)::int AS n FROM boot_events")[0][
            "n", as: Int.self]
        let insert = try database.pgbench(BootEventLoad.insert, clients: connections, seconds: seconds)
        print("boot events over HTTP: \(events.text) (\(stored) rows, \(events.failures) refused)")
        print(
            "a handler that does nothing: \(nothing.text);"
                + " ratio \((events.perSecond / nothing.perSecond).figure)"
        )
        print(
            "the same INSERT by pgbench, \(connections) clients: \(insert.perSecond.figure)/s;"
                + " ratio \((events.perSecond / insert.perSecond).figure)"
                + " (\(try await database.durability()))"
        )
    }

    private func wrk(_ arguments: [String]) throws -> WrkResult {
        try WrkResult(
            output: runTool(
                "wrk",
                ["-t2", "-c\(connections)", "-d\(seconds)s", "--latency", "--timeout", "10s"] + arguments))
    }
}

/// What wrk printed.
struct WrkResult {
    let perSecond: Double
    let p99Milliseconds: Double
    let failures: Int

    var text: String { "\(perSecond.figure)/s, p99 \(p99Milliseconds.figure) ms" }

    init(output: String) throws {
        func word(after label: String) -> String? {
            output.split(separator: "\n").lazy.map { $0.drop { $0 == " " } }.first { $0.hasPrefix(label) }
                .flatMap { $0.dropFirst(label.count).split(separator: " ").first.map(String.init) }
        }
        guard let rate = word(after: "Requests/sec:").flatMap(Double.init),
            let latency = word(after: "99%").flatMap(Self.milliseconds)
        else { throw BenchError("wrk printed no figures:\n\(output)") }
        perSecond = rate
        p99Milliseconds = latency
        failures = word(after: "Non-2xx or 3xx responses:").flatMap { Int($0) } ?? 0
    }

    private static func milliseconds(_ text: String) -> Double? {
        if text.hasSuffix("us") { return Double(text.dropLast(2)).map { $0 / 1_000 } }
        if text.hasSuffix("ms") { return Double(text.dropLast(2)) }
        return text.hasSuffix("s") ? Double(text.dropLast(1)).map { $0 * 1_000 } : nil
    }
}
