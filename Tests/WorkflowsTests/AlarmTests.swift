import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

/// When an engine looks for work, with a poll that is too rare to help.
@Suite struct AlarmTests {
    private static let rarely = WorkflowEngine.Configuration(
        workers: 2, lease: .seconds(3), poll: .seconds(600), grace: .milliseconds(200))

    private func napping(_ database: TestDatabase, naps: Int = 3) -> WorkflowEngine {
        let engine = makeEngine(database.pool, Self.rarely)
        engine.register("nap", input: String.self) { context, _ in
            for nap in 0..<naps { try await context.sleep("nap \(nap)", .milliseconds(200)) }
        }
        return engine
    }

    @Test func whatAnEngineHasPutAwayGoesOnWhenItIsDue() async throws {
        try await withTestDatabase { database in
            let engine = napping(database)
            let id = try await engine.begin("nap", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id, within: .seconds(60)) }
            #expect(ended.state == .succeeded && ended.attempts == 4)
        }
    }

    /// The one that put it away ends before it is due.
    @Test func whatADeadEngineHasPutAwayIsTakenOver() async throws {
        try await withTestDatabase { database in
            let (first, second) = (napping(database, naps: 1), napping(database, naps: 1))
            let id = try await first.begin("nap", on: database.pool)
            try await running(first) {
                try await eventually("the nap") { try await first.describe(id)?.waitingFor == "nap 0" }
            }
            let ended = try await running(second) { try await second.ended(id, within: .seconds(60)) }
            #expect(ended.state == .succeeded)
        }
    }

    /// More work than workers: the end of a run makes room for the next.
    @Test func workThatFoundNoWorkerFollowsTheEndOfARun() async throws {
        try await withTestDatabase { database in
            let engine = napping(database)
            var ids: [UUID] = []
            for subject in 0..<20 {
                ids.append(try await engine.begin("nap", "s\(subject)", on: database.pool))
            }
            try await running(engine) {
                for id in ids {
                    let ended = try await engine.ended(id, within: .seconds(60))
                    #expect(ended.state == .succeeded)
                }
            }
        }
    }
}
