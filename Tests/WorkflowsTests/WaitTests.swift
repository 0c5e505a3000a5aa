import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct WaitTests {
    @Test func aWakeEndsAWaitLongBeforeItsPoll() async throws {
        try await withTestDatabase { database in
            let engine = try await waitingEngine(database)
            let id = try await engine.begin("sample", on: database.pool)
            try await running(engine) {
                try await eventually("the wait") { try await engine.describe(id)?.waitingFor == "gate" }
                try await database.pool.transaction { transaction in
                    try await transaction.execute("INSERT INTO gates VALUES (\("open"))")
                    try await engine.wake(subject: "s", in: transaction)
                }
                let ended = try await engine.ended(id)
                #expect(ended.state == .succeeded)
                #expect(ended.steps.map(\.kind) == ["wait"])
            }
        }
    }

    /// The condition is looked at, then comes the wake, then the run is put away.
    @Test func aWakeThatComesWhileTheRunIsStillAwakeIsNotLost() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                try await context.wait("gate", deadline: .seconds(3_600), poll: .seconds(3_600)) {
                    journal.note("look")
                    if journal.count("look") > 1 { return true }
                    try await engine.wake(subject: "s", in: database.pool)
                    return false
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && journal.count("look") == 2)
        }
    }

    @Test func withoutAWakeThePollLooksAgain() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                let looks = try await context.wait("gate", deadline: .seconds(60), poll: .milliseconds(30)) {
                    journal.note("look")
                    return journal.count("look") >= 3 ? journal.count("look") : nil
                }
                journal.note("after \(looks)")
            }
            let id = try await engine.begin("sample", on: database.pool)
            _ = try await running(engine) { try await engine.ended(id) }
            #expect(journal.all == ["look", "look", "look", "after 3"])
        }
    }

    @Test func theDeadlineIsRecordedOnceAndThenTimesOut() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                // Later runs give another limit; the first one's counts.
                let limit = context.attempt == 1 ? Duration.milliseconds(200) : .seconds(3_600)
                try await context.wait("gate", deadline: limit, poll: .milliseconds(20)) { false }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .failed && ended.failureCode == "wait_timed_out")
            #expect(ended.lastError?.contains("gate") == true)
        }
    }

    @Test func aTimeoutCanBeHandledAndIsThrownAgainByLaterRuns() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                do {
                    try await context.wait("gate", deadline: .zero) { false }
                } catch let timeout as WaitTimedOut {
                    journal.note(timeout.name)
                }
                try await context.sleep("pause", .milliseconds(20))
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && journal.all == ["gate", "gate"])
        }
    }

    @Test func anErrorOfTheConditionIsNotedAndLookedPast() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                try await context.wait("gate", deadline: .seconds(60), poll: .milliseconds(20)) {
                    journal.note("look")
                    if journal.count("look") < 3 { throw Hiccup() }
                    return true
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && ended.steps[0].lastError == "the service hiccuped")
        }
    }

    @Test func aSleepIsNotShortenedByAWake() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                try await context.sleep("pause", .milliseconds(400))
            }
            let id = try await engine.begin("sample", on: database.pool)
            let start = ContinuousClock.now
            try await running(engine) {
                try await eventually("the sleep") { try await engine.describe(id)?.waitingFor == "pause" }
                try await engine.wake(subject: "s", in: database.pool)
                _ = try await engine.ended(id)
            }
            #expect(ContinuousClock.now - start >= .milliseconds(400))
        }
    }

    @Test func waitingHoldsNoWorker() async throws {
        try await withTestDatabase { database in
            let one = WorkflowEngine.Configuration(workers: 1, lease: .seconds(5), poll: .milliseconds(100))
            let engine = try await waitingEngine(database, one)
            engine.register("short", input: String.self) { context, _ in
                try await context.step("one") { _ in }
            }
            for number in 0..<20 { _ = try await engine.begin("sample", "w\(number)", on: database.pool) }
            let short = try await engine.begin("short", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(short) }
            #expect(ended.state == .succeeded)
        }
    }

    @Test func theEndOfAWorkflowWakesOthersOfItsSubject() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("first", input: String.self) { context, _ in
                try await context.sleep("pause", .milliseconds(200))
            }
            engine.register("second", input: String.self) { context, _ in
                try await context.wait("first ended", deadline: .seconds(3_600), poll: .seconds(3_600)) {
                    try await engine.status(kind: "first", subject: "s").map { !$0.state.isLive } ?? false
                }
            }
            _ = try await engine.begin("first", on: database.pool)
            let second = try await engine.begin("second", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(second) }
            #expect(ended.state == .succeeded)
        }
    }
}

/// An engine whose workflow `sample` waits for a row in `gates`, with a poll that no test waits for.
private func waitingEngine(
    _ database: TestDatabase, _ configuration: WorkflowEngine.Configuration = quick
) async throws -> WorkflowEngine {
    try await database.pool.execute("CREATE TABLE gates (gate text)")
    let engine = makeEngine(database.pool, configuration)
    engine.register("sample", input: String.self) { context, _ in
        try await context.wait("gate", deadline: .seconds(3_600), poll: .seconds(3_600)) {
            try await !database.pool.query("SELECT 1 FROM gates").isEmpty
        }
    }
    return engine
}
