import FoundationEssentials
import Logging
import Postgres

/// A database of the simulation's own, dropped at its end, in which time and chance are the simulation's.
///
/// A function of a schema that comes before `pg_catalog` in the search path hides the built-in one: `now()`
/// in the product's statements, column defaults and functions means `sim.now()` here.
struct ScratchDatabase: Sendable {
    let name: String
    let url: String
    private let admin: PostgresPool

    /// Seconds since 1970 at which every simulation begins.
    static let epoch = 1_800_000_000

    /// - Parameters:
    ///   - server: a database whose user may create others.
    ///   - migrations: the folder.
    static func create(server: String, migrations: String, seed: UInt64, logger: Logger) async throws
        -> ScratchDatabase
    {
        let admin = PostgresPool(
            PostgresConfiguration(url: server, maximumConnections: 1, applicationName: "simulation"),
            logger: logger)
        let name = "simulation_\(UUID().text.replacing("-", with: "").prefix(16))"
        let scratch = ScratchDatabase(name: name, url: url(server, database: name), admin: admin)
        try await admin.execute("CREATE DATABASE \(identifier: name) TEMPLATE template0")
        do {
            try await scratch.prepare(migrations: migrations, seed: seed, logger: logger)
        } catch {
            await scratch.drop()
            throw error
        }
        return scratch
    }

    func drop() async {
        _ = try? await admin.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
        await admin.close()
    }

    /// Commits and rollbacks so far. A session's are counted for certain once it has ended.
    func transactions() async throws -> Int {
        let rows = try await admin.query(
            "SELECT (xact_commit + xact_rollback)::int AS n FROM pg_stat_database WHERE datname = \(name)")
        return try rows[0]["n"]
    }

    /// Sessions report what they did when they end, a moment later.
    func settledTransactions() async throws -> Int {
        var last = -1
        while true {
            let now = try await transactions()
            if now == last { return now }
            last = now
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    /// A parameter of the URL wins over its path.
    private static func url(_ server: String, database: String) -> String {
        "\(server)\(server.contains("?") ? "&" : "?")dbname=\(database)"
    }

    private func prepare(migrations: String, seed: UInt64, logger: Logger) async throws {
        let database: SQL = "ALTER DATABASE \(identifier: name) SET"
        for setting: SQL in [
            "search_path = sim, public, pg_catalog", "synchronous_commit = off", "jit = off",
        ] {
            try await admin.execute("\(database) \(setting)")
        }
        let pool = PostgresPool(PostgresConfiguration(url: url, maximumConnections: 1), logger: logger)
        for statement in Self.schema { try await pool.execute(statement) }
        // A bind may be any bits of the seed; a sequence holds what fits into 63 of them.
        _ = try await pool.query("SELECT setval('sim.seed', \(Int(seed >> 1) | 1))")
        try await Migrator(directory: migrations).migrate(on: pool)
        try await pool.execute(Self.withoutAutovacuum)
        await pool.close()
    }
}

extension ScratchDatabase {
    /// `sim.clock` counts microseconds since 1970; a sequence can be set without leaving dead rows behind.
    /// `sim.notifications` counts notifications, which the simulation delivers.
    private static var schema: [SQL] {
        let sequences: [SQL] = ["clock", "notifications", "identities", "seed"].map {
            "CREATE SEQUENCE sim.\(identifier: $0)"
        }
        let clocks: [SQL] = ["now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"].map {
            """
            CREATE FUNCTION sim.\(identifier: $0)() RETURNS timestamptz LANGUAGE plpgsql STABLE AS
            'BEGIN RETURN ''epoch''::timestamptz
                + pg_sequence_last_value(''sim.clock''::regclass) * interval ''1 microsecond''; END'
            """
        }
        return ["CREATE SCHEMA sim"] + sequences + clocks + [
            "SELECT setval('sim.clock', \(epoch * 1_000_000)), nextval('sim.notifications')",
            """
            CREATE FUNCTION sim.gen_random_uuid() RETURNS uuid LANGUAGE plpgsql VOLATILE AS
            'BEGIN RETURN md5(pg_sequence_last_value(''sim.seed''::regclass) || ''/''
                || nextval(''sim.identities''))::uuid; END'
            """,
            """
            CREATE FUNCTION sim.pg_notify(text, text) RETURNS void LANGUAGE plpgsql VOLATILE AS
            'BEGIN PERFORM nextval(''sim.notifications''); END'
            """,
            """
            DO 'BEGIN IF current_setting(''server_version_num'')::int >= 150000 THEN
                ALTER SEQUENCE sim.clock SET UNLOGGED; ALTER SEQUENCE sim.notifications SET UNLOGGED;
                ALTER SEQUENCE sim.identities SET UNLOGGED;
            END IF; END'
            """,
        ]
    }

    /// Its workers come at times of the machine's, and what they clean changes the order of rows.
    private static var withoutAutovacuum: SQL {
        """
        DO 'DECLARE name text; BEGIN
            FOR name IN SELECT relname FROM pg_class
                WHERE relnamespace = ''sim''::regnamespace AND relkind = ''r'' LOOP
                EXECUTE format(''ALTER TABLE sim.%I SET (autovacuum_enabled = off)'', name);
            END LOOP; END'
        """
    }
}
