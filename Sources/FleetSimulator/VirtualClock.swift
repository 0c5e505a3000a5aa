import Logging
import Postgres

/// Tells the scratch database what time it is, and hears from it whether somebody was notified.
///
/// An actor for its counter alone: it is asked by one task.
actor VirtualClock {
    private let pool: PostgresPool
    private var notified: Int?
    /// When it was last used, unless it has been asked for notifications since.
    private var lastUse: Int?
    private var statements = 0

    init(_ database: ScratchDatabase, logger: Logger) {
        pool = PostgresPool(
            PostgresConfiguration(url: database.url, maximumConnections: 1, applicationName: "simulation"),
            logger: logger)
    }

    /// Whether the database has a part in what is next: it must know the time, or may have to tell of
    /// notifications that are about to be delivered.
    func mustMove(to step: Scheduler.Step) -> Bool {
        if step.usesDatabase {
            lastUse = step.time
            return true
        }
        guard let lastUse, step.time > lastUse + VirtualReplica.notificationDelay.microseconds else {
            return false
        }
        self.lastUse = nil
        return true
    }

    /// - Parameter time: microseconds since the simulation began.
    /// - Returns: whether there were notifications since the last call.
    func move(to time: Int) async throws -> Bool {
        let now = ScratchDatabase.epoch * 1_000_000 + time
        let rows = try await query(
            "SELECT setval('sim.clock', \(now)), (SELECT last_value FROM sim.notifications) AS notified")
        let count: Int = try rows[0]["notified"]
        defer { notified = count }
        return notified.map { $0 != count } ?? false
    }

    /// The simulation's own look at the tables.
    func query(_ sql: SQL) async throws -> [Row] {
        statements += 1
        return try await pool.query(sql)
    }

    /// Own statements so far, which are not the product's.
    var count: Int { statements }

    func close() async { await pool.close() }
}
