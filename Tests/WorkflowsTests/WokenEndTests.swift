import Postgres
import TestSupport
import Testing
import Workflows

/// A workflow that ends only when nobody has woken it since it last looked.
@Suite struct WokenEndTests {
    /// Counts its rounds; in the first it does `first`, between its look and its end.
    private static func register(
        _ engine: WorkflowEngine, _ journal: Journal, first: @escaping @Sendable () async throws -> Void
    ) {
        engine.register("rounds", input: String.self) { context, _ in
            var round = 1
            func look() async throws -> Int {
                try await context.step("look_\(round)") { _ in
                    journal.note("look")
                    return context.wakes
                }
            }
            var wakes = try await look()
            while context.wakes != wakes {
                round += 1
                wakes = try await look()
            }
            if round == 1 { try await first() }
            context.endUnlessWoken(since: wakes)
        }
    }

    @Test func aWakeBetweenTheLastLookAndTheEndMakesAnotherRound() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            Self.register(engine, journal) {
                try await engine.startOrWake("rounds", subject: "s", input: "", in: database.pool)
            }
            let id = try await engine.begin("rounds", on: database.pool)
            let ended = try await running(engine) { try await engine.ended(id) }
            #expect(ended.state == .succeeded && journal.count("look") == 2)
            #expect(try await database.pool.query("SELECT 1 AS one FROM workflows").count == 1)
        }
    }

    @Test func withoutAWakeItEndsAtOnceAndTheNextChangeStartsAnother() async throws {
        try await withTestDatabase { database in
            let engine = makeEngine(database.pool)
            let journal = Journal()
            Self.register(engine, journal) {}
            let id = try await engine.begin("rounds", on: database.pool)
            try await running(engine) {
                #expect(try await engine.ended(id).state == .succeeded)
                try await engine.startOrWake("rounds", subject: "s", input: "", in: database.pool)
                try await eventually("the second") { journal.count("look") == 2 }
            }
            #expect(try await database.pool.query("SELECT 1 AS one FROM workflows").count == 2)
        }
    }

    /// Whoever starts or wakes while workflows begin and end is seen by a look that begins after its commit.
    @Test func nobodyIsMissedHoweverTheyMeet() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            try await pool.execute("CREATE TABLE seen (change int, looked int)")
            let engine = makeEngine(pool)
            engine.register("rounds", input: String.self) { context, _ in
                var round = 1
                func look() async throws -> Int {
                    try await context.step("look_\(round)") { _ in
                        try await pool.execute("UPDATE seen SET looked = change")
                        return context.wakes
                    }
                }
                var wakes = try await look()
                while context.wakes != wakes {
                    round += 1
                    wakes = try await look()
                }
                context.endUnlessWoken(since: wakes)
            }
            try await pool.execute("INSERT INTO seen VALUES (0, 0)")
            try await running(engine) {
                for _ in 0..<150 {
                    try await pool.transaction { transaction in
                        try await engine.startOrWake("rounds", subject: "s", input: "", in: transaction)
                        try await transaction.execute("UPDATE seen SET change = change + 1")
                    }
                    try await Task.sleep(for: .microseconds(.random(in: 0...3_000)))
                }
                try await eventually("the last change to be seen") {
                    try await pool.query("SELECT change = looked AS same FROM seen")[0]["same", as: Bool.self]
                }
                try await eventually("the end") {
                    try await pool.query("SELECT 1 AS one FROM workflows WHERE finished_at IS NULL").isEmpty
                }
                let rows = try await pool.query("SELECT change, looked FROM seen")
                #expect(try rows[0]["change", as: Int.self] == 150)
                #expect(try rows[0]["looked", as: Int.self] == 150)
            }
        }
    }
}
