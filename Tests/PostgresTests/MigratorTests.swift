import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct MigratorTests {
    @Test func appliesEachFileOnceAndInOrder() async throws {
        try await withMigrations([
            "0001_a.sql": "CREATE TABLE a (x int)", "0002_b.sql": "INSERT INTO a VALUES (1)",
        ]) {
            folder, database in
            let migrator = try Migrator(directory: folder)
            #expect(try await migrator.status(on: database.pool).map(\.appliedAt) == [nil, nil])
            #expect(try await migrator.migrate(on: database.pool) == ["0001_a.sql", "0002_b.sql"])
            #expect(try await migrator.migrate(on: database.pool) == [])
            #expect(try await migrator.status(on: database.pool).allSatisfy { $0.appliedAt != nil })
            #expect(try await database.pool.query("SELECT x FROM a").count == 1)
        }
    }

    @Test func replicasThatStartAtOnceTakeTurns() async throws {
        let slow = "CREATE TABLE a (x int); SELECT pg_sleep(0.2); INSERT INTO a VALUES (1)"
        try await withMigrations(["0001_a.sql": slow]) { folder, database in
            let migrator = try Migrator(directory: folder)
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<4 { group.addTask { try await migrator.migrate(on: database.pool) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied == ["0001_a.sql"])
        }
    }

    @Test func aFailingFileLeavesNothingBehindAndIsNamed() async throws {
        try await withMigrations(["0001_a.sql": "CREATE TABLE a (x int); SELECT 1/0"]) { folder, database in
            let error = try await refusal(folder, database)
            #expect(error.fileName == "0001_a.sql")
            let tables = try await database.pool.query("SELECT to_regclass('a') IS NULL AS gone")
            #expect(try tables[0]["gone"] == true)
        }
    }

    @Test(arguments: [
        ("changed", "0001_a.sql"), ("missing", "0001_a.sql"), ("renamed", "0001_c.sql"),
    ])
    func aFileThatIsNoLongerAsAppliedIsNamed(change: String, named: String) async throws {
        try await withMigrations(["0001_a.sql": "SELECT 1", "0002_b.sql": "SELECT 2"]) { folder, database in
            try await Migrator(directory: folder).migrate(on: database.pool)
            let first = "\(folder)/0001_a.sql"
            switch change {
            case "changed": try "SELECT 3".write(toFile: first, atomically: true, encoding: .utf8)
            case "renamed": try FileManager.default.moveItem(atPath: first, toPath: "\(folder)/0001_c.sql")
            default:
                try FileManager.default.removeItem(atPath: first)
                try FileManager.default.removeItem(atPath: "\(folder)/0002_b.sql")
            }
            let error = try await refusal(folder, database)
            #expect(error.fileName == named)
        }
    }

    @Test func anOutOfOrderFileIsNamed() async throws {
        try await withMigrations(["0001_a.sql": "SELECT 1", "0002_b.sql": "SELECT 2"]) { folder, database in
            try await Migrator(directory: folder).migrate(on: database.pool)
            try await database.pool.execute("DELETE FROM schema_migrations WHERE version = 1")
            let error = try await refusal(folder, database)
            #expect(error.fileName == "0001_a.sql" && error.problem.contains("out of order"))
        }
    }

    @Test func aFileThatCommitsByItselfIsRefused() async throws {
        try await withMigrations(["0001_a.sql": "SELECT 1; COMMIT"]) { folder, database in
            let error = try await refusal(folder, database)
            #expect(error.problem.contains("COMMIT"))
        }
    }

    @Test(arguments: [
        ["1_a.sql"], ["0001-a.sql"], ["0001_.sql"], ["0002_a.sql"], ["0001_a.sql", "0001_b.sql"],
    ])
    func aBadNameOrNumberIsRefused(names: [String]) async throws {
        try await withTemporaryFolder { folder in
            for name in names {
                try "SELECT 1".write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            #expect(throws: MigrationError.self) { try Migrator(directory: folder) }
        }
    }
}

private func withMigrations(
    _ files: [String: String], _ body: (String, TestDatabase) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        for (name, text) in files {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try await withTestDatabase(migrated: false) { database in try await body(folder, database) }
    }
}

private func refusal(_ folder: String, _ database: TestDatabase) async throws -> MigrationError {
    let error = await #expect(throws: MigrationError.self) {
        try await Migrator(directory: folder).migrate(on: database.pool)
    }
    return try #require(error)
}
