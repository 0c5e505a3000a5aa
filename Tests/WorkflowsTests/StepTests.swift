import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct StepTests {
    @Test func stepsRunInOrderAndTheirOutputsAreRecorded() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: [String: Int].self) { context, input in
                let first = try await context.step("first") { key in
                    journal.note(key)
                    return input["number", default: 0] + 1
                }
                let second = try await context.transaction("second") { _ in "got \(first)" }
                try await context.step("third") { _ in journal.note(second) }
            }
            let id = try await engine.start(
                "sample", subject: "org", input: ["number": 41], in: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded)
            #expect(ended.steps.map(\.name) == ["first", "second", "third"])
            #expect(ended.steps.map(\.kind) == ["step", "transaction", "step"])
            #expect(ended.steps.allSatisfy { $0.state == "done" && $0.attempts == 1 && $0.finishedAt != nil })
            #expect(journal.all.last == "got 42")
        }
    }

    @Test func theKeyIsStableShortAndDifferentForEachStep() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            let names = [
                "short", String(repeating: "long", count: 20), String(repeating: "long", count: 20) + "2",
                "wäve:1",
            ]
            engine.register("sample", input: String.self) { context, _ in
                for name in names {
                    try await context.step(name, retry: RetryPolicy(attempts: 3, base: .zero, cap: .zero)) {
                        key in
                        journal.note(key)
                        if journal.count(key) < 2 { throw Hiccup() }
                    }
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            _ = try await running(engine) { try await engine.ended(id) }
            let keys = Set(journal.all)
            #expect(keys.count == names.count)
            #expect(journal.all.count == names.count * 2)
            #expect(keys.allSatisfy { $0.utf8.count <= 64 && $0.utf8.allSatisfy { $0 > 32 && $0 < 127 } })
        }
    }

    @Test func aStepNameUsedTwiceFailsTheWorkflowAtOnce() async throws {
        try await expectFailure(code: "step_name_twice") { context in
            try await context.step("same") { _ in }
            try await context.step("same") { _ in }
        }
    }

    @Test func aRecordedOutputThatNoLongerDecodesFailsTheWorkflow() async throws {
        let again = RetryPolicy(attempts: 2, base: .zero, cap: .zero)
        try await expectFailure(code: "step_output_changed") { context in
            if context.attempt == 1 {
                _ = try await context.step("number") { _ in 1 }
            } else {
                _ = try await context.step("number") { _ in ["now": "a dictionary"] }
            }
            try await context.step("again", retry: again) { _ in if context.attempt == 1 { throw Hiccup() } }
        }
    }

    @Test func aStepThatBecameAWaitFailsTheWorkflow() async throws {
        try await expectFailure(code: "step_kind_changed") { context in
            if context.attempt == 1 {
                try await context.step("thing") { _ in }
                throw Hiccup()
            }
            try await context.sleep("thing", .zero)
        }
    }

    @Test func anOversizedOutputFailsTheWorkflow() async throws {
        try await expectFailure(code: "step_output") { context in
            _ = try await context.step("big") { _ in String(repeating: "x", count: 300_000) }
        }
    }

    @Test func anInputThatDoesNotDecodeFailsTheWorkflow() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: Int.self) { _, _ in }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .failed && ended.failureCode == "input_changed")
        }
    }

    @Test func aTransactionAndItsRecordCommitTogether() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            try await database.pool.execute("CREATE TABLE effects (attempt int)")
            let again = RetryPolicy(attempts: 3, base: .zero, cap: .zero)
            engine.register("sample", input: String.self) { context, _ in
                try await context.transaction("insert", retry: again) { transaction in
                    try await transaction.execute("INSERT INTO effects VALUES (\(context.attempt))")
                    if context.attempt < 3 { throw Hiccup() }
                }
                try await context.step("after", retry: again) { _ in if context.attempt < 5 { throw Hiccup() }
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded)
            let effects = try await database.pool.query("SELECT attempt FROM effects")
            #expect(try effects.map { try $0["attempt", as: Int.self] } == [3])
            #expect(ended.steps[0].attempts == 3 && ended.steps[0].failures == 2)
        }
    }

    @Test func stepsMayRunSideBySide() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<10 {
                        group.addTask { try await context.step("step \(number)") { _ in } }
                    }
                    try await group.waitForAll()
                }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && ended.steps.count == 10)
        }
    }
}

/// Runs a workflow of one function and expects it to fail with `code`.
private func expectFailure(
    code: String, _ body: @escaping @Sendable (WorkflowContext) async throws -> Void
) async throws {
    try await withTestDatabase { database in
        let engine = makeEngine(database.pool)
        engine.register("sample", input: String.self) { context, _ in try await body(context) }
        let id = try await engine.begin("sample", on: database.pool)
        let ended = try await running(engine) { try await engine.ended(id) }
        #expect(ended.state == .failed)
        #expect(ended.failureCode == code)
        #expect(ended.lastError?.isEmpty == false)
    }
}
