import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct StatementTests {
    @Test func everyBindableTypeComesBackAsItWent() async throws {
        try await withTestDatabase(migrated: false) { database in
            let id = UUID()
            let date = Date(timeIntervalSince1970: 1_795_448_437.123456)
            let bytes = (0...255).map { UInt8($0) }
            let words = ["plain", "with \"quotes\", comma and \\", "NULL", "", "ünïcode"]
            let row = try await database.pool.query(
                """
                SELECT \("it's; DROP TABLE x --")::text AS text, \(Int.min) AS int, \(Int32(7)) AS int32,
                    \(Int64(-3)) AS int64, \(true) AS bool, \(1.0 / 3) AS double, \(id) AS uuid,
                    \(date) AS date, \(bytes) AS bytes, \(words) AS words, \([1, -2]) AS ints,
                    \([id]) AS uuids, \(JSON(["a": [1, 2]])) AS json, \(Int?.none) AS nothing,
                    \([String]()) AS empty
                """)[0]
            #expect(try row["text"] == "it's; DROP TABLE x --")
            #expect(try row["int"] == Int.min)
            #expect(try row["int32"] == Int32(7))
            #expect(try row["int64"] == Int64(-3))
            #expect(try row["bool"] == true)
            #expect(try row["double"] == 1.0 / 3)
            #expect(try row["uuid"] == id)
            #expect(abs(try row["date", as: Date.self].timeIntervalSince(date)) < 0.000_001)
            #expect(try row["bytes"] == bytes)
            #expect(try row["words"] == words)
            #expect(try row["ints"] == [1, -2])
            #expect(try row["uuids"] == [id])
            #expect(try row["json", as: JSON<[String: [Int]]>.self].value == ["a": [1, 2]])
            #expect(try row["nothing", as: Int?.self] == nil)
            #expect(try row["int", as: Int?.self] == Int.min)
            #expect(try row["empty", as: [String].self] == [])
        }
    }

    @Test func timestampsKeepMicrosecondsAndUTC() async throws {
        try await withTestDatabase(migrated: false) { database in
            for seconds in [0, -1.5, 951_782_400.000001, 1_709_251_199.999999, -62_000_000_000] {
                let row = try await database.pool.query(
                    """
                    SELECT \(Date(timeIntervalSince1970: seconds)) AS date,
                        extract(epoch FROM \(Date(timeIntervalSince1970: seconds)))::float8 AS epoch
                    """)[0]
                #expect(abs(try row["epoch", as: Double.self] - seconds) < 0.000_002)
                #expect(abs(try row["date", as: Date.self].timeIntervalSince1970 - seconds) < 0.000_002)
            }
        }
    }

    @Test func fragmentsAreSplicedWithTheirBindsRenumbered() async throws {
        try await withTestDatabase(migrated: false) { database in
            let conditions: [SQL] = ["number > \(2)", "number < \(9)", "number <> \(5)"]
            let filter = SQL(joining: conditions, separator: " AND ")
            let rows = try await database.pool.query(
                "SELECT number FROM generate_series(1, \(20)) number WHERE \(filter) ORDER BY 1 LIMIT \(3)"
            )
            #expect(try rows.map { try $0["number", as: Int.self] } == [3, 4, 6])
        }
    }

    @Test func anIdentifierCanOnlyBeAName() async throws {
        try await withTestDatabase(migrated: false) { database in
            let name = "odd \" name; --"
            try await database.pool.execute("CREATE TABLE \(identifier: name) (a int)")
            let rows = try await database.pool.query(
                "SELECT \(name) = relname AS same FROM pg_class WHERE relname = \(name)")
            #expect(try rows[0]["same"] == true)
        }
    }

    @Test func aRowSaysWhichColumnDoesNotFit() async throws {
        try await withTestDatabase(migrated: false) { database in
            let row = try await database.pool.query("SELECT 'secret' AS word, NULL::int AS nothing")[0]
            let wrongType = #expect(throws: RowError.self) { try row["word", as: Int.self] }
            #expect("\(wrongType!)".contains("word") && !"\(wrongType!)".contains("secret"))
            #expect(throws: RowError.self) { try row["nothing", as: Int.self] }
            #expect(throws: RowError.self) { try row["absent", as: Int.self] }
        }
    }

    @Test func errorsCarryTheirStateButNeverTheBoundValues() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.pool
            try await pool.execute("CREATE TABLE keys (key text CONSTRAINT one_key UNIQUE)")
            try await pool.execute("INSERT INTO keys VALUES (\("hunter2"))")
            let duplicate = await #expect(throws: PostgresError.self) {
                try await pool.execute("INSERT INTO keys VALUES (\("hunter2"))")
            }
            #expect(duplicate?.isUniqueViolation == true)
            #expect(duplicate?.constraint == "one_key")
            #expect(duplicate?.detail?.contains("hunter2") == true)
            #expect(!"\(duplicate!) \(String(reflecting: duplicate))".contains("hunter2"))
            let syntax = await #expect(throws: PostgresError.self) {
                try await pool.execute("SELECT \("hunter2")::uuid")
            }
            #expect(syntax?.sqlState == "22P02")
            #expect(!"\(syntax!)".contains("hunter2"))
            let unknown = await #expect(throws: PostgresError.self) {
                try await pool.execute("SELECT * FROM nowhere")
            }
            #expect(unknown?.sqlState == "42P01")
            await #expect(throws: PostgresError.self) { try await pool.execute("SELECT \("a\0b")::text") }
        }
    }

    @Test func aLongStatementEndsAtTheTimeout() async throws {
        try await withTestDatabase(migrated: false) { database in
            let configuration = PostgresConfiguration(url: database.url, statementTimeout: .milliseconds(100))
            let pool = PostgresPool(configuration, logger: database.pool.logger)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute("SELECT pg_sleep(20)")
            }
            #expect(error?.isQueryCanceled == true)
            let name = try await pool.query("SELECT current_setting('application_name') AS name")
            #expect(try name[0]["name"] == "control-plane")
            await pool.close()
        }
    }

    @Test func statementsSurviveAChangedTableAndAFullCache() async throws {
        try await withTestDatabase(migrated: false) { database in
            var configuration = PostgresConfiguration(url: database.url, maximumConnections: 1)
            configuration.statementCacheSize = 2
            let pool = PostgresPool(configuration, logger: database.pool.logger)
            try await pool.execute("CREATE TABLE things (a int)")
            try await pool.execute("INSERT INTO things VALUES (1)")
            #expect(try await pool.query("SELECT * FROM things").count == 1)
            try await pool.execute("ALTER TABLE things ADD COLUMN b text DEFAULT 'new'")
            #expect(try await pool.query("SELECT * FROM things")[0]["b"] == "new")
            for _ in 0..<3 {
                #expect(try await pool.query("SELECT 1 AS a")[0]["a"] == 1)
                #expect(try await pool.query("SELECT 2 AS a")[0]["a"] == 2)
                #expect(try await pool.query("SELECT 3 AS a")[0]["a"] == 3)
            }
            let kept = try await pool.query("SELECT count(*) AS kept FROM pg_prepared_statements")
            #expect(try kept[0]["kept", as: Int.self] <= 2)
            await pool.close()
        }
    }

    @Test func copyTakesEveryCharacterAndNull() async throws {
        try await withTestDatabase(migrated: false) { database in
            try await database.pool.execute("CREATE TABLE lines (number int, line text, bytes bytea)")
            let hard = "tab\tnewline\nreturn\rbackslash\\ \\N end"
            let rows: [[any PostgresBindable]] = [
                [1, hard, [UInt8]([0, 9, 10, 92])], [2, String?.none, [UInt8]()],
            ]
            let copied = try await database.pool.copy(
                into: "lines", columns: ["number", "line", "bytes"], rows: rows)
            #expect(copied == 2)
            let found = try await database.pool.query("SELECT line, bytes FROM lines ORDER BY number")
            #expect(try found[0]["line"] == hard)
            #expect(try found[0]["bytes"] == [UInt8]([0, 9, 10, 92]))
            #expect(try found[1]["line", as: String?.self] == nil)
        }
    }
}
