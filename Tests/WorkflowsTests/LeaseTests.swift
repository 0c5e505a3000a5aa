import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct LeaseTests {
    /// The first engine's connections freeze in the middle of a step. Another takes over; when the first
    /// comes back, its step's record and its transaction must not be written.
    @Test func afterAFreezeAnotherEngineGoesOnAndTheFirstWritesNothing() async throws {
        try await withTestDatabase { database in
            try await database.pool.execute("CREATE TABLE effects (engine text)")
            let proxy = try StatementProxy(database)
            defer { proxy.close() }
            let frozenPool = PostgresPool(.init(url: proxy.url), logger: database.pool.logger)
            let frozen = makeEngine(frozenPool)
            let other = makeEngine(database.pool)
            let journal = Journal()
            for engine in [frozen, other] {
                engine.register("sample", input: String.self) { context, _ in
                    let worker = try await context.step("work") { _ in
                        journal.note("work of \(engine.name)")
                        if engine.name == frozen.name {
                            proxy.freeze()
                            try? await Task.sleep(for: .seconds(60))
                            journal.note(Task.isCancelled ? "cancelled" : "not cancelled")
                        }
                        return engine.name
                    }
                    try await context.transaction("effect") { transaction in
                        try await transaction.execute("INSERT INTO effects VALUES (\(engine.name))")
                    }
                    journal.note("worker \(worker)")
                }
            }
            let id = try await frozen.begin("sample", on: database.pool)
            try await running(frozen) {
                try await eventually("the freeze") { !journal.all.isEmpty }
                try await running(other) {
                    let ended = try await other.ended(id)
                    #expect(ended.state == .succeeded && ended.attempts == 2)
                    proxy.thaw()
                    try await eventually("the end of the frozen run") { journal.count("cancelled") == 1 }
                }
            }
            await frozenPool.close()
            let effects = try await database.pool.query("SELECT engine FROM effects")
            #expect(try effects.map { try $0["engine", as: String.self] } == [other.name])
            #expect(journal.count("worker \(other.name)") == 1 && journal.count("worker \(frozen.name)") == 0)
        }
    }

    @Test func heartbeatsKeepALeaseForLongerThanItLasts() async throws {
        try await withTestDatabase { database in
            let short = WorkflowEngine.Configuration(
                workers: 4, lease: .seconds(3), poll: .milliseconds(100))
            let engines = [makeEngine(database.pool, short), makeEngine(database.anotherPool(), short)]
            let journal = Journal()
            for engine in engines {
                engine.register("sample", input: String.self) { context, _ in
                    try await context.step("long") { _ in
                        journal.note("start")
                        try await Task.sleep(for: .seconds(7))
                    }
                    // A transaction holds the row's lock late, so a beat may have to pass it by.
                    try await context.transaction("long too") { _ in
                        try await Task.sleep(for: .seconds(5))
                    }
                }
            }
            let id = try await engines[0].begin("sample", on: database.pool)
            try await running(engines[0]) {
                try await running(engines[1]) {
                    let ended = try await engines[0].ended(id)
                    #expect(ended.state == .succeeded && ended.attempts == 1)
                }
            }
            #expect(journal.count("start") == 1)
        }
    }

    @Test func aWriteWithAnOldEpochChangesNothing() async throws {
        try await withTestDatabase { database in
            try await database.pool.execute("CREATE TABLE effects (effect int)")
            let engine = makeEngine(database.pool, .init(lease: .seconds(60)))
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                try await context.transaction("effect") { transaction in
                    try await transaction.execute("INSERT INTO effects VALUES (1)")
                    journal.note("body")
                    // What another engine's claim does.
                    try await database.pool.execute(
                        "UPDATE workflows SET lease_epoch = lease_epoch + 1, lease_owner = 'another'")
                }
                journal.note("after")
            }
            let id = try await engine.begin("sample", on: database.pool)
            try await running(engine) {
                try await eventually("the transaction") { journal.count("body") == 1 }
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(journal.all == ["body"])
            #expect(try await database.pool.query("SELECT * FROM effects").isEmpty)
            let described = try await engine.describe(id)
            #expect(described?.state == .running && described?.leaseOwner == "another")
        }
    }

    @Test func shutdownGivesLeasesBackAtOnce() async throws {
        try await withTestDatabase { database in
            let long = WorkflowEngine.Configuration(
                workers: 4, lease: .seconds(3_600), poll: .seconds(3_600), grace: .milliseconds(50))
            let first = makeEngine(database.pool, long)
            let second = makeEngine(database.anotherPool(), long)
            let journal = Journal()
            for engine in [first, second] {
                engine.register("sample", input: String.self) { context, _ in
                    try await context.step("work") { _ in
                        journal.note("work")
                        if engine.name == first.name { try await Task.sleep(for: .seconds(3_600)) }
                    }
                }
            }
            let id = try await first.begin("sample", on: database.pool)
            try await running(first) { try await eventually("the step") { journal.count("work") == 1 } }
            let released = try await first.describe(id)
            #expect(released?.state == .waiting && released?.leaseOwner == nil)
            let ended = try await running(second) { try await second.ended(id) }
            #expect(ended.state == .succeeded && ended.attempts == 2)
            #expect(ended.steps[0].failures == 0)
        }
    }
}
