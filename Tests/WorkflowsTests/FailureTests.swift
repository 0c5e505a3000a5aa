import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct FailureTests {
    @Test func delaysAreJitteredBetweenZeroAndADoublingBound() {
        let policy = RetryPolicy(attempts: 10, base: .milliseconds(100), cap: .seconds(2))
        var generator = SystemRandomNumberGenerator()
        for failures in 1...70 {
            let bound = min(Duration.seconds(2), .milliseconds(100) * (1 << min(failures - 1, 10)))
            #expect(policy.bound(afterFailures: failures) == bound)
            let delays = (0..<200).map { _ in policy.delay(afterFailures: failures, using: &generator) }
            #expect(delays.allSatisfy { $0 >= .zero && $0 <= bound })
            // Full jitter: both halves are used.
            #expect(delays.contains { $0 < bound / 2 } && delays.contains { $0 > bound / 2 })
        }
    }

    @Test func exhaustedRetriesCallOnFailureOnceInTheSameTransaction() async throws {
        try await withTestDatabase { database in
            try await database.pool.execute("CREATE TABLE notices (code text, message text, state text)")
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register(
                "sample", input: String.self,
                onFailure: { input, failure, transaction in
                    journal.note("onFailure")
                    try await transaction.execute(
                        "INSERT INTO notices SELECT \(failure.code), \(failure.message), state FROM workflows"
                    )
                }
            ) { context, _ in
                try await context.step("call", retry: RetryPolicy(attempts: 3, base: .milliseconds(5))) { _ in
                    journal.note("call")
                    throw Hiccup()
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .failed && ended.failureCode == "retries_exhausted")
            #expect(ended.lastError == "the service hiccuped")
            #expect(ended.steps[0].failures == 3 && ended.steps[0].lastError == "the service hiccuped")
            #expect(journal.count("call") == 3 && journal.count("onFailure") == 1)
            let notices = try await database.pool.query("SELECT code, state FROM notices")
            #expect(notices.count == 1)
            #expect(try notices[0]["code"] == "retries_exhausted")
        }
    }

    @Test func aPermanentFailureIsNotTriedAgain() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                try await context.step("call") { _ in
                    journal.note("call")
                    throw PermanentFailure(code: "quota", message: "no instances left")
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.failureCode == "quota" && ended.lastError == "no instances left")
            #expect(journal.count("call") == 1)
        }
    }

    @Test func aStepThatFailedForGoodCanBeHandledAndStaysFailed() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                do {
                    try await context.step("risky") { _ in
                        journal.note("risky")
                        throw PermanentFailure(code: "no", message: "refused")
                    }
                } catch let failure as PermanentFailure {
                    journal.note(failure.code)
                }
                try await context.sleep("pause", .milliseconds(20))
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded)
            #expect(journal.all == ["risky", "no", "no"])
        }
    }

    @Test func onFailureThatFailsIsTriedAgainUntilItCommits() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register(
                "sample", input: String.self,
                onFailure: { _, _, _ in
                    journal.note("onFailure")
                    if journal.count("onFailure") < 3 { throw Hiccup() }
                }
            ) { _, _ in throw PermanentFailure(code: "no", message: "refused") }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .failed && ended.failureCode == "no")
            #expect(journal.count("onFailure") == 3)
        }
    }

    @Test func anErrorOutsideOfStepsIsTriedAgain() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                if context.attempt < 3 { throw Hiccup() }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && ended.attempts == 3)
        }
    }

    @Test func theDeadlineOfARetryPolicyEndsTheRetries() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let policy = RetryPolicy(
                attempts: 1_000, base: .milliseconds(50), cap: .milliseconds(50), deadline: .milliseconds(300)
            )
            engine.register("sample", input: String.self) { context, _ in
                try await context.step("call", retry: policy) { _ in throw Hiccup() }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .failed && ended.steps[0].failures < 1_000)
        }
    }

    @Test func aFunctionThatSwallowsErrorsIsPutAwayAllTheSame() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                // A function that swallows every error must still be put away.
                try? await context.sleep("pause", .milliseconds(300))
                _ = try? await context.step("after") { _ in journal.note("after") }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && ended.attempts == 2)
            #expect(journal.all == ["after"])
        }
    }
}
