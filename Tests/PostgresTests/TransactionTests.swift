import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    struct Refused: Error {}

    @Test func commitsOnReturnAndRollsBackOnThrow() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.pool
            try await pool.execute("CREATE TABLE notes (note text)")
            let written = try await pool.transaction { transaction in
                try await transaction.execute("INSERT INTO notes VALUES (\("kept"))")
            }
            #expect(written == 1)
            await #expect(throws: Refused.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute("INSERT INTO notes VALUES (\("lost"))")
                    throw Refused()
                }
            }
            #expect(
                try await pool.query("SELECT note FROM notes").map { try $0["note", as: String.self] } == [
                    "kept"
                ])
            #expect(pool.counts.inUse == 0)
        }
    }

    @Test func aSwallowedErrorDoesNotPassForACommit() async throws {
        try await withTestDatabase(migrated: false) { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { transaction in
                    _ = try? await transaction.execute("SELECT 1/0")
                }
            }
            #expect(error?.sqlState == "25P02")
        }
    }

    @Test func aTransactionCannotBeUsedAfterItsEnd() async throws {
        try await withTestDatabase(migrated: false) { database in
            let escaped = try await database.pool.transaction { $0 }
            await #expect(throws: PostgresError.self) { try await escaped.execute("SELECT 1") }
        }
    }

    @Test func aCancelledTaskStillRollsBack() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.pool
            try await pool.execute("CREATE TABLE notes (note text)")
            let work = Task {
                try await pool.transaction { transaction in
                    try await transaction.execute("INSERT INTO notes VALUES (\("lost"))")
                    try await Task.sleep(for: .seconds(60))
                }
            }
            try await eventually("the open transaction") { pool.counts.inUse == 1 }
            work.cancel()
            _ = await work.result
            #expect(try await pool.query("SELECT note FROM notes").isEmpty)
        }
    }
}
