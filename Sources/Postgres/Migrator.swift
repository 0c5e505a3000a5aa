#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One file of the migrations folder: `NNNN_name.sql`.
package struct Migration: Sendable, Equatable {
    package let version: Int
    package let fileName: String
    let text: String
}

/// What stands between the folder and the database. Names the file.
package struct MigrationError: Error, Sendable, CustomStringConvertible {
    package let fileName: String
    package let problem: String
    package var description: String { "migration \(fileName): \(problem)" }
}

/// Brings a database to the newest schema: forward only, one transaction a file, under an advisory lock, so
/// that replicas that start at once take turns. A file that was applied must stay as it is.
package struct Migrator: Sendable {
    package struct Status: Sendable {
        package let fileName: String
        /// Nil when the migration is still to be applied.
        package let appliedAt: Date?
    }

    /// The key of the advisory lock: "migrate" in ASCII.
    private static let lockKey = 0x6D_6967_7261_7465

    package let migrations: [Migration]

    /// Reads the folder. Files that do not end in `.sql` are not looked at.
    /// - Throws: `MigrationError` for a name that is not `NNNN_name.sql`, and for numbers that are used twice
    ///   or leave a gap.
    package init(directory: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        migrations = try names.filter { $0.hasSuffix(".sql") }.sorted().map { name in
            let data = try Data(contentsOf: URL(filePath: directory).appending(path: name))
            return Migration(
                version: try Self.version(of: name), fileName: name,
                text: String(decoding: data, as: UTF8.self))
        }
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw MigrationError(
                fileName: migration.fileName,
                problem: "its number should be \(index + 1): no gaps, none twice")
        }
    }

    /// Applies what is missing.
    /// - Returns: the file names applied now.
    @discardableResult
    package func migrate(on pool: PostgresPool) async throws -> [String] {
        try await pool.onConnection { connection in
            // Waiting for another replica, and a long migration, may take longer than a statement should.
            try await connection.script("SET statement_timeout = 0")
            try await connection.script("SELECT pg_advisory_lock(\(Self.lockKey))")
            do {
                let applied = try await migrate(on: connection)
                try await connection.script(
                    "SELECT pg_advisory_unlock(\(Self.lockKey)); RESET statement_timeout")
                return applied
            } catch {
                // Closing the session gives the lock back, whatever state it is in.
                await connection.close()
                throw error
            }
        }
    }

    /// Every migration of the folder, and when it was applied.
    package func status(on pool: PostgresPool) async throws -> [Status] {
        let exists = try await pool.query("SELECT to_regclass('schema_migrations') IS NOT NULL AS found")
        guard try exists[0]["found", as: Bool.self] else {
            return migrations.map { Status(fileName: $0.fileName, appliedAt: nil) }
        }
        var applied: [Int: Date] = [:]
        for row in try await pool.query("SELECT version, applied_at FROM schema_migrations") {
            applied[try row["version"]] = try row["applied_at", as: Date.self]
        }
        return migrations.map { Status(fileName: $0.fileName, appliedAt: applied[$0.version]) }
    }

    private func migrate(on connection: Connection) async throws -> [String] {
        try await connection.script(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version bigint PRIMARY KEY,
                file_name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        let applied = try await check(connection)
        let pending = migrations.filter { $0.version > applied }
        for migration in pending { try await apply(migration, on: connection) }
        return pending.map(\.fileName)
    }

    /// Compares the record with the folder.
    /// - Returns: the newest version applied.
    private func check(_ connection: Connection) async throws -> Int {
        let rows = try await connection.run(
            "SELECT version, file_name, checksum FROM schema_migrations ORDER BY version"
        ).rows
        for row in rows {
            let version: Int = try row["version"]
            let recorded: String = try row["file_name"]
            guard let migration = migrations.first(where: { $0.version == version }) else {
                throw MigrationError(
                    fileName: recorded, problem: "was applied to this database, but is missing")
            }
            guard migration.fileName == recorded else {
                throw MigrationError(fileName: migration.fileName, problem: "was applied as \(recorded)")
            }
            guard try await checksum(of: migration, on: connection) == row["checksum", as: String.self] else {
                throw MigrationError(fileName: recorded, problem: "was changed after it was applied")
            }
        }
        let newest = try rows.last?["version", as: Int.self] ?? 0
        if newest > rows.count {
            let skipped = migrations.first { migration in
                !rows.contains { (try? $0["version", as: Int.self]) == migration.version }
            }
            throw MigrationError(
                fileName: skipped?.fileName ?? "?",
                problem: "is out of order: a later one was applied already")
        }
        return newest
    }

    private func apply(_ migration: Migration, on connection: Connection) async throws {
        do {
            try await connection.script("BEGIN")
            try await connection.script(migration.text)
            guard await connection.isInTransaction else {
                throw MigrationError(
                    fileName: migration.fileName,
                    problem: "ends its own transaction; leave out BEGIN and COMMIT")
            }
            let checksum = try await checksum(of: migration, on: connection)
            _ = try await connection.run(
                """
                INSERT INTO schema_migrations (version, file_name, checksum)
                VALUES (\(migration.version), \(migration.fileName), \(checksum))
                """)
            try await connection.script("COMMIT")
        } catch let error as PostgresError {
            throw MigrationError(fileName: migration.fileName, problem: error.description)
        }
    }

    /// SHA-256, computed by the server, so that this library needs no cryptography.
    private func checksum(of migration: Migration, on connection: Connection) async throws -> String {
        let rows = try await connection.run(
            "SELECT encode(sha256(convert_to(\(migration.text)::text, 'UTF8')), 'hex') AS checksum"
        ).rows
        return try rows[0]["checksum"]
    }

    private static func version(of name: String) throws -> Int {
        let digits = name.utf8.prefix(4)
        let numbered = digits.count == 4 && digits.allSatisfy { $0 >= 48 && $0 <= 57 }
        let stem = name.utf8.dropFirst(5).dropLast(4)
        guard numbered, name.utf8.dropFirst(4).first == UInt8(ascii: "_"), !stem.isEmpty,
            let version = Int(name.prefix(4))
        else { throw MigrationError(fileName: name, problem: "is not named NNNN_name.sql") }
        return version
    }
}
