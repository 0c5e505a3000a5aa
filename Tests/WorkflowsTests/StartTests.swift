import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct StartTests {
    @Test func onlyOneOfAKindIsLiveForASubject() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let pool = database.pool
            let first = try await engine.begin("sample", on: pool)
            let conflict = await #expect(throws: WorkflowConflict.self) {
                try await engine.begin("sample", on: pool)
            }
            #expect(conflict?.existing == first)
            _ = try await engine.begin("other", on: pool)
            _ = try await engine.begin("sample", "another", on: pool)
            try await engine.cancel(first, in: pool)
            _ = try await engine.begin("sample", on: pool)
        }
    }

    @Test func manyWhoStartAtOnceGetOneWorkflow() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let started = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<30 {
                    group.addTask { (try? await engine.begin("sample", on: database.pool)) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(started == 1)
        }
    }

    @Test func aConflictLeavesTheTransactionUsable() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            _ = try await engine.begin("sample", on: database.pool)
            try await database.pool.transaction { transaction in
                await #expect(throws: WorkflowConflict.self) {
                    try await engine.start("sample", subject: "s", input: "", in: transaction)
                }
                try await transaction.execute("SELECT 1")
            }
        }
    }

    @Test func aStartThatWasRolledBackNeverRuns() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { _, input in journal.note(input) }
            try await running(engine) {
                await #expect(throws: Hiccup.self) {
                    try await database.pool.transaction { transaction in
                        try await engine.start("sample", subject: "a", input: "lost", in: transaction)
                        throw Hiccup()
                    }
                }
                let id = try await engine.start("sample", subject: "a", input: "kept", in: database.pool)
                _ = try await engine.ended(id)
            }
            #expect(journal.all == ["kept"])
        }
    }

    @Test func twoEnginesShareTheWork() async throws {
        try await withTestDatabase { database in
            let journal = Journal()
            let few = WorkflowEngine.Configuration(workers: 2, lease: .seconds(5), poll: .milliseconds(200))
            let engines = [makeEngine(database.pool, few), makeEngine(database.anotherPool(), few)]
            for engine in engines {
                engine.register("sample", input: String.self) { context, _ in
                    try await context.step("work") { _ in
                        journal.note(engine.name)
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
            }
            var ids: [UUID] = []
            for number in 0..<40 {
                ids.append(try await engines[0].begin("sample", "\(number)", on: database.pool))
            }
            try await running(engines[0]) {
                try await running(engines[1]) {
                    for id in ids {
                        let ended = try await engines[0].ended(id)
                        #expect(ended.attempts == 1)
                    }
                }
            }
            #expect(journal.all.count == 40)
            #expect(Set(journal.all) == Set(engines.map(\.name)))
        }
    }

    @Test func endedWorkflowsAreDeletedByAge() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                try await context.step("one") { _ in }
            }
            let id = try await engine.begin("sample", on: database.pool)
            _ = try await running(engine) { try await engine.ended(id) }
            #expect(try await engine.deleteEnded(before: .seconds(3_600)) == 0)
            #expect(try await engine.deleteEnded(before: .zero) == 1)
            let gone = try await engine.describe(id)
            #expect(gone == nil)
        }
    }
}
