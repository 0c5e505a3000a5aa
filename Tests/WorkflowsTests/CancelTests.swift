import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

@Suite struct CancelTests {
    @Test func aWaitingWorkflowIsCancelledAtOnce() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let id = try await engine.begin("sample", on: database.pool)
            let answer = try await engine.cancel(kind: "sample", subject: "s", in: database.pool)
            #expect(answer == .cancelled)
            #expect(try await engine.describe(id)?.state == .cancelled)
            #expect(try await engine.cancel(id, in: database.pool) == .nothingLive)
        }
    }

    @Test func aRunningWorkflowEndsAtTheNextStep() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            engine.register(
                "sample", input: String.self, onFailure: { _, _, _ in journal.note("onFailure") }
            ) { context, _ in
                try await context.step("first") { _ in
                    let answer = try await engine.cancel(context.workflowID, in: database.pool)
                    journal.note("\(answer)")
                }
                await #expect(throws: WorkflowCancelled.self) {
                    try await context.step("second") { _ in journal.note("second") }
                }
                try await context.transaction("third") { _ in journal.note("third") }
            }
            let id = try await engine.begin("sample", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .cancelled)
            #expect(journal.all == ["requested"])
            #expect(ended.steps.map(\.name) == ["first"])
        }
    }

    @Test func aCancelledWorkflowMakesRoomForAnother() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            engine.register("sample", input: String.self) { context, _ in
                try await context.wait("never", deadline: .seconds(3_600)) { false }
            }
            try await running(engine) {
                let id = try await engine.begin("sample", on: database.pool)
                try await eventually("the wait") { try await engine.describe(id)?.waitingFor == "never" }
                try await database.pool.transaction { transaction in
                    try await engine.cancel(id, in: transaction)
                    try await engine.start("sample", subject: "s", input: "", in: transaction)
                }
                #expect(try await engine.describe(id)?.state == .cancelled)
            }
        }
    }
}
