import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

/// Rows with numbers and times at their ends, which nobody's code writes: the engine lives on, and runs the
/// rest.
@Suite struct ExtremeRowTests {
    @Test func theEngineRunsTheRestBesideThem() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let engine = makeEngine(pool)
            let journal = Journal()
            engine.register("sample", input: String.self) { context, _ in
                try await context.step("only") { key in journal.note(key) }
            }
            var ids: [UUID] = []
            for number in 0..<4 { ids.append(try await engine.begin("sample", "s\(number)", on: pool)) }
            try await pool.execute(
                """
                UPDATE workflows SET attempts = 2147483647, lease_epoch = 4611686018427387904,
                    wakes = 9223372036854775807, due_at = '-infinity' WHERE id = \(ids[0])
                """)
            try await pool.execute("UPDATE workflows SET due_at = 'infinity' WHERE id = \(ids[1])")
            try await pool.execute(
                "UPDATE workflows SET due_at = '294276-12-31 00:00:00+00' WHERE id = \(ids[2])")
            let ended = try await running(engine) {
                [try await engine.ended(ids[0]), try await engine.ended(ids[3])]
            }
            #expect(ended.allSatisfy { $0.state == .succeeded })
            let later = [ids[1], ids[2]]
            let states = try await pool.query("SELECT state FROM workflows WHERE id = ANY(\(later))")
            #expect(try states.map { try $0["state", as: String.self] } == ["waiting", "waiting"])
        }
    }
}
