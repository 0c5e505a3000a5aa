import AuditChain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import WireText

/// Seals what was recorded: one link a row, each over the one before.
///
/// Rows are inserted by their own transactions, which wait for nobody; the chain is written behind them, by
/// whichever replica has the lock. Until a row is sealed, within a second or so of its commit, a superuser
/// could take it away unseen; afterwards `cpctl audit verify` finds it.
package struct AuditSealer: Service {
    package static let interval: Duration = .seconds(1)
    /// How many rows are sealed in one transaction.
    package static let batch = 500
    /// The key of the advisory lock: "audit" in ASCII.
    private static let lockKey = 0x61_7564_6974

    package let database: PostgresPool
    package let logger: Logger

    package init(database: PostgresPool, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await AuditPrivileges.report(database, to: logger)
            while !Task.isCancelled {
                do {
                    try await sealAll()
                } catch let error as PostgresError where error.isConnectionFailure {
                    // The database is away: what it has committed waits there.
                } catch {
                    if !Task.isCancelled {
                        logger.error("audit log not sealed", metadata: ["error": "\(error)"])
                    }
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// - Returns: how many rows were sealed.
    @discardableResult
    func sealAll() async throws -> Int {
        guard try await isAnythingUnsealed() else { return 0 }
        var total = 0
        while true {
            let sealed = try await database.transaction { try await sealBatch($0) }
            total += sealed
            if sealed < Self.batch { return total }
        }
    }

    /// Without a transaction and the lock: what every replica asks every second.
    private func isAnythingUnsealed() async throws -> Bool {
        try await database.query(
            """
            SELECT EXISTS (
                SELECT FROM audit.entries e
                WHERE e.xid >= coalesce((\(AuditChainEnd.floor)), '0'::xid8)
                    AND NOT EXISTS (SELECT FROM audit.chain c WHERE c.entry_id = e.id)) AS found
            """)[0]["found"]
    }

    private func sealBatch(_ transaction: Transaction) async throws -> Int {
        let lock = try await transaction.query(
            """
            SELECT pg_try_advisory_xact_lock(\(Self.lockKey)) AS is_mine,
                \(AuditReading.text(of: "clock_timestamp()")) AS now
            """)[0]
        // Another replica is at it.
        guard try lock["is_mine", as: Bool.self] else { return 0 }
        let end = try await AuditChainEnd(transaction)
        let rows = try await transaction.query(
            """
            SELECT \(AuditReading.columns), pg_snapshot_xmin(pg_current_snapshot())::text AS horizon
            FROM audit.entries e
            WHERE e.xid >= \(end.floor)::xid8
                AND NOT EXISTS (SELECT FROM audit.chain c WHERE c.entry_id = e.id)
            ORDER BY e.id LIMIT \(Self.batch)
            """)
        guard let first = rows.first else { return 0 }
        let links = try chain(rows.map(AuditEntry.init), behind: end, at: try lock["now"])
        // A full batch may have left something behind that is as old.
        let horizon = rows.count < Self.batch ? try first["horizon", as: String.self] : end.floor
        try await insert(links, horizon: horizon, in: transaction)
        return links.count
    }

    private func chain(
        _ entries: [AuditEntry], behind end: AuditChainEnd, at time: String
    ) throws -> [(entry: Int, link: ChainLink)] {
        var (sequence, previous) = (end.sequence, end.hash)
        return entries.map { entry in
            sequence += 1
            let link = ChainLink(sealing: entry, sequence: sequence, sealedAt: time, previous: previous)
            previous = link.hash
            return (entry.id, link)
        }
    }

    private func insert(
        _ links: [(entry: Int, link: ChainLink)], horizon: String, in transaction: Transaction
    ) async throws {
        guard let last = links.last?.link else { return }
        try await transaction.execute(
            """
            INSERT INTO audit.chain (sequence, entry_id, sealed_at, hash, horizon)
            SELECT sequence, entry, \(last.sealedAt)::timestamptz, decode(hash, 'hex'), \(horizon)::xid8
            FROM unnest(\(links.map(\.link.sequence)), \(links.map(\.entry)),
                \(links.map(\.link.hash.hex))) AS new (sequence, entry, hash)
            """)
        // The log's reader keeps the head outside of the database.
        logger.info(
            "audit log sealed", metadata: ["sequence": "\(last.sequence)", "hash": "\(last.hash.hex)"])
    }
}

/// Where the chain ends.
private struct AuditChainEnd {
    /// Of the last link; 0 before the first.
    var sequence: Int
    var hash: [UInt8]
    /// Every row of an earlier transaction is sealed.
    var floor: String

    /// A horizon that the server has not reached comes from another one, from which this database was
    /// restored: then everything is looked at once.
    static let floor: SQL =
        """
        SELECT CASE WHEN horizon > pg_snapshot_xmax(pg_current_snapshot()) THEN '0'::xid8 ELSE horizon END
        FROM audit.chain ORDER BY sequence DESC LIMIT 1
        """

    init(_ transaction: Transaction) async throws {
        let last = try await transaction.query(
            """
            SELECT sequence, hash, (\(Self.floor))::text AS floor FROM audit.chain
            ORDER BY sequence DESC LIMIT 1
            """
        ).first
        sequence = try last?["sequence", as: Int.self] ?? 0
        hash = try last?["hash", as: [UInt8].self] ?? ChainLink.origin
        floor = try last?["floor", as: String.self] ?? "0"
    }
}
