import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing
import Workflows

/// Cuts the connection at every single statement of a workflow's life, once before the server gets it and
/// once after it ran, and every time expects the same end.
@Suite struct CrashTests {
    @Test(arguments: [StatementProxy.Verdict.cutBefore, .cutAfter])
    func aConnectionCutAtAnyStatementEndsInTheSameEffects(verdict: StatementProxy.Verdict) async throws {
        let statements = try await run(cuttingAt: .max, .forward)
        #expect(statements > 20)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 1...8 {
                group.addTask {
                    for statement in stride(from: first, through: statements, by: 8) {
                        _ = try await run(cuttingAt: statement, verdict)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// A reconnect takes a few statements by itself, so the cuts leave room for progress. They come at uneven
    /// distances: at even ones, a run of just as many statements would be cut at the same one for ever.
    @Test func aConnectionCutAgainAndAgainStillGetsThere() async throws {
        try await withTestDatabase { database in
            let proxy = try StatementProxy(database) { number in
                let mixed = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
                return (mixed >> 32) % 13 == 0 ? .cutAfter : .forward
            }
            defer { proxy.close() }
            try await finish(database, by: proxy)
        }
    }

    /// The same with a real process that gets SIGKILL: nothing of it can tidy up.
    @Test func aProcessKilledAtAnyStatementEndsInTheSameEffects() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 1...4 {
                group.addTask {
                    for statement in stride(from: first, through: 36, by: 4) {
                        try await runKilled(at: statement)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func aServerThatCrashesUnderLoadLosesAndRepeatsNothing() async throws {
        let cluster = try await PrivateCluster()
        var configuration = PostgresConfiguration(url: cluster.url(), maximumConnections: 8)
        configuration.waitLimit = .seconds(60)
        let pool = PostgresPool(configuration, logger: .init(label: "test"))
        try await Migrator(directory: "\(packageRoot)/migrations").migrate(on: pool)
        try await CrashSample.prepare(pool)
        let engine = makeEngine(pool)
        CrashSample().register(on: engine)
        var ids: [UUID] = []
        for number in 0..<100 {
            ids.append(try await engine.start(CrashSample.kind, subject: "\(number)", input: "", in: pool))
        }
        try await running(engine) {
            for crashing in [true, false] {
                try await Task.sleep(for: .milliseconds(150))
                try await cluster.restart(crashing: crashing)
            }
            for id in ids {
                let ended = try await engine.ended(id, within: .seconds(60))
                #expect(ended.state == .succeeded)
            }
        }
        let effects = try await pool.query(
            "SELECT count(*) AS written, count(DISTINCT (name, workflow)) AS different FROM effects")
        #expect(try effects[0]["written"] == 200)
        #expect(try effects[0]["different"] == 200)
        await pool.close()
        try await cluster.remove()
    }
}

/// A crash in the middle of a claim costs a whole lease.
private let brief = WorkflowEngine.Configuration(
    workers: 4, lease: .milliseconds(400), poll: .milliseconds(100), grace: .milliseconds(100))

/// Runs the sample in a database of its own.
/// - Returns: how many statements that took.
private func run(cuttingAt statement: Int, _ verdict: StatementProxy.Verdict) async throws -> Int {
    try await withTestDatabase { database in
        let proxy = try StatementProxy(database) { $0 == statement ? verdict : .forward }
        defer { proxy.close() }
        try await finish(database, by: proxy)
        return proxy.statementCount
    }
}

private func finish(_ database: TestDatabase, by proxy: StatementProxy) async throws {
    try await CrashSample.prepare(database.pool)
    let pool = PostgresPool(.init(url: proxy.url, maximumConnections: 2), logger: database.pool.logger)
    let engine = makeEngine(pool, brief)
    let sample = CrashSample()
    sample.register(on: engine)
    // Started and watched past the proxy, so that only the engine's own statements are counted.
    let id = try await engine.start(CrashSample.kind, subject: "s", input: "", in: database.pool)
    let watcher = makeEngine(database.pool)
    let ended = try await running(engine) { try await watcher.ended(id) }
    await pool.close()
    try await CrashSample.check(ended, database.pool, journal: sample.journal.all)
}

/// Runs the sample in a child that is killed at the statement, and finishes it here.
private func runKilled(at statement: Int) async throws {
    try await withTestDatabase { database in
        try await withTemporaryFolder { folder in
            try await CrashSample.prepare(database.pool)
            let proxy = try StatementProxy(database) { $0 == statement ? .killClient : .forward }
            defer { proxy.close() }
            let watcher = makeEngine(database.pool, brief)
            let id = try await watcher.start(CrashSample.kind, subject: "s", input: "", in: database.pool)
            let (url, file) = (proxy.url, "\(folder)/journal")
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [url = url as String, file = file as String] in
                let pool = PostgresPool(.init(url: url, maximumConnections: 2), logger: .init(label: "child"))
                let engine = makeEngine(pool, brief)
                CrashSample(journal: Journal(file: file)).register(on: engine)
                try await engine.run()
            }
            CrashSample(journal: Journal(file: file)).register(on: watcher)
            let ended = try await running(watcher) { try await watcher.ended(id) }
            try await CrashSample.check(ended, database.pool, journal: Journal(file: file).all)
        }
    }
}
