import Foundation
import TestSupport
import Testing

@testable import Postgres

/// A schema changes while the previous version of the control plane still runs: expand first, contract later.
///
/// After a migration was added and before it is released, the new version's statements are recorded by
///
///     RESILIENCE=record swift test -c release -Xswiftc -enable-testing --filter SchemaTests
///
/// which writes Tests/ResilienceTests/Queries/<newest migration>.json.
@Suite struct SchemaTests {
    static let isRecording = ProcessInfo.processInfo.environment["RESILIENCE"] == "record"

    @Test(.enabled(if: isRecording)) func record() async throws {
        let set = try await QuerySet.record(in: try await SharedCloud.shared.value)
        #expect(set.queries.count > 40 && set.rows.count > 20)
        try set.write()
    }

    /// The database has rows of the old version; then it is migrated, and the old version goes on.
    @Test func statementsOfEveryEarlierVersionRunOnTheNewestSchema() async throws {
        let sets = try QuerySet.all()
        #expect(!sets.isEmpty)
        for set in sets {
            try await withTestDatabase(migrated: false) { database in
                try await migrate(database, to: set.schema)
                try await load(set.rows, into: database)
                try await Migrator(directory: "\(packageRoot)/migrations").migrate(on: database.pool)
                // As if every run were under way: what is fenced by a lease finds it.
                try await database.pool.execute(
                    """
                    UPDATE workflows SET state = 'running', lease_owner = 'old', finished_at = NULL,
                        cancel_requested = false
                    """)
                let touched = try await tryAll(set, on: database)
                #expect(touched * 3 > set.queries.count, "\(touched) of \(set.queries.count) found a row")
                print("schema \(set.schema): \(set.queries.count) statements, \(touched) with rows")
            }
        }
    }

    /// - Returns: how many statements touched a row.
    private func tryAll(_ set: QuerySet, on database: TestDatabase) async throws -> Int {
        var touched = 0
        for query in set.queries {
            do {
                touched += try await run(query, on: database) > 0 ? 1 : 0
            } catch let error as PostgresError where error.isUniqueViolation {
                // The row of the last time is there already.
            } catch {
                Issue.record("\(set.schema): \(error)\n\(query.statement.text)")
            }
        }
        return touched
    }

    /// In a transaction that is rolled back.
    private func run(_ query: QuerySet.Query, on database: TestDatabase) async throws -> Int {
        var types: [String] = []
        for type in query.statement.types {
            let rows = try await database.pool.query(
                "SELECT CASE \(type) WHEN 0 THEN 'unknown' ELSE format_type(\(type)::oid, NULL) END AS name")
            types.append(try rows[0]["name"])
        }
        let prepared = types.isEmpty ? "q" : "q (\(types.joined(separator: ", ")))"
        let values = query.parameters.map { $0.map(literal) ?? "NULL" }.joined(separator: ", ")
        let executed = values.isEmpty ? "EXECUTE q" : "EXECUTE q (\(values))"
        return try await database.pool.onConnection { connection in
            try await connection.script("BEGIN; SET LOCAL session_replication_role = replica")
            do {
                try await connection.script("PREPARE \(prepared) AS \(query.statement.text)")
                let tag = try await connection.script(executed)
                try await connection.script("ROLLBACK; DEALLOCATE q")
                return tag.split(separator: " ").last.flatMap { Int($0) } ?? 0
            } catch {
                try await connection.script("ROLLBACK; DEALLOCATE ALL")
                throw error
            }
        }
    }

    private func migrate(_ database: TestDatabase, to schema: String) async throws {
        try await withTemporaryFolder { folder in
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(packageRoot)/migrations")
            for file in files where file.prefix(4) <= schema {
                try FileManager.default.copyItem(
                    atPath: "\(packageRoot)/migrations/\(file)", toPath: "\(folder)/\(file)")
            }
            try await Migrator(directory: folder).migrate(on: database.pool)
        }
    }

    private func load(_ rows: [QuerySet.Row], into database: TestDatabase) async throws {
        try await database.pool.onConnection { connection in
            // Tables come in any order: without this, so must the rows.
            try await connection.script("SET session_replication_role = replica")
            // Migrations bring rows of their own, which the version has changed since.
            for table in Set(rows.map(\.table)) {
                try await connection.script("DELETE FROM \(quotedIdentifier(table))")
            }
            for row in rows {
                let table = quotedIdentifier(row.table)
                try await connection.script(
                    """
                    INSERT INTO \(table) OVERRIDING SYSTEM VALUE
                    SELECT * FROM jsonb_populate_record(NULL::\(table), \(literal(row.values)))
                    """)
            }
            try await connection.script("RESET session_replication_role")
        }
    }

    private func literal(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}
