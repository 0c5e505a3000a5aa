import AuditChain
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Fleet
@testable import Organisations
@testable import Service

@Suite struct AuditLogTests {
    private static let event = AuditEvent(
        action: "key.issued", subject: "k1", before: ["n": 1], after: ["name": "ci\0", "scopes": ["a", "b"]])
    private static let origin = RequestOrigin(
        kind: .operator, name: "anna", address: "10.0.0.1", requestID: "r-1")

    @Test func whatIsRecordedIsKeptWithItsTransactionOnly() async throws {
        try await withTestDatabase { database in
            struct Undone: Error {}
            await #expect(throws: Undone.self) {
                try await database.pool.transaction { transaction in
                    try await AuditLog(database: transaction).record(Self.event, by: Self.origin)
                    throw Undone()
                }
            }
            try await database.pool.transaction { transaction in
                try await AuditLog(database: transaction).record(Self.event, by: Self.origin)
            }
            let rows = try await database.pool.query("SELECT * FROM audit.entries")
            #expect(rows.count == 1)
            #expect(try rows[0]["action", as: String.self] == "key.issued")
            #expect(try rows[0]["actor_name", as: String.self] == "anna")
            #expect(try rows[0]["request_id", as: String?.self] == "r-1")
            #expect(try rows[0]["before", as: JSON<AuditValue>.self].value == ["n": 1])
            #expect(
                try rows[0]["after", as: JSON<AuditValue>.self].value
                    == ["name": "ci", "scopes": ["a", "b"]])
        }
    }

    @Test(
        arguments: [
            "UPDATE audit.entries SET action = 'x'", "DELETE FROM audit.entries", "TRUNCATE audit.entries",
            "UPDATE audit.chain SET sequence = 2", "DELETE FROM audit.chain", "TRUNCATE audit.chain",
        ] as [SQL]) func evenASuperuserIsRefusedByTheTriggers(statement: SQL) async throws
    {
        try await withTestDatabase { database in
            try await AuditLog(database: database.pool).record(Self.event, by: Self.origin)
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.execute(statement)
            }
            #expect(error?.sqlState == "42501")
        }
    }
}
