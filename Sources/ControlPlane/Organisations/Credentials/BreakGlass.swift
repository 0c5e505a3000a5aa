import FoundationEssentials
import Logging
import Postgres

/// The use of the environment's operator token. It is there for the beginning, and for the day on which no
/// named token works; once named tokens exist, whoever uses it is meant to be seen.
package struct BreakGlass: Encodable, Sendable {
    /// Whether named operator tokens exist that are neither revoked nor expired.
    var isAlarmed: Bool
    var lastUsedAt: Date?
    package var address: String?
    /// Minutes in which it was used.
    package var uses: Int

    enum CodingKeys: String, CodingKey {
        case address, uses
        case isAlarmed = "alarmed"
        case lastUsedAt = "last_used_at"
    }
}

/// The one row of `break_glass`.
package struct BreakGlassStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    private static let namedTokensExist: SQL =
        """
        EXISTS (SELECT 1 FROM credentials WHERE kind = 'operator' AND revoked_at IS NULL
            AND coalesce(expires_at > now(), true))
        """

    package func read() async throws -> BreakGlass {
        let row = try await database.query(
            """
            SELECT \(Self.namedTokensExist) AS alarmed, last_used_at, address, uses::int AS uses
            FROM break_glass
            """)[0]
        return BreakGlass(
            isAlarmed: try row["alarmed", as: Bool.self], lastUsedAt: try row["last_used_at", as: Date?.self],
            address: try row["address", as: String?.self], uses: try row["uses", as: Int.self])
    }

    private static let isNews: SQL =
        "coalesce(last_used_at < now() - interval '1 minute', true) AND \(Self.namedTokensExist)"

    /// Whether a use now is one to tell of: named tokens exist, and the last was a minute ago.
    func isNews() async throws -> Bool {
        try await database.query("SELECT \(Self.isNews) AS news FROM break_glass")[0]["news", as: Bool.self]
    }

    /// - Returns: false when another replica has told of a use within the minute.
    package func record(address: String?) async throws -> Bool {
        try await database.execute(
            """
            UPDATE break_glass SET last_used_at = now(), address = \(address), uses = uses + 1
            WHERE \(Self.isNews)
            """) == 1
    }
}

/// Alarms about the environment's token: a warning in the log and a record in the audit trail, at most one a
/// minute of all replicas. Where the database does not answer, the token works all the same: it is the way in
/// when things are broken.
package actor BreakGlassAlarm {
    private let database: PostgresPool
    private let logger: Logger
    private var toldAt: ContinuousClock.Instant?

    package static let period: Duration = .seconds(60)

    package init(database: PostgresPool, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    package func used(by origin: RequestOrigin) async {
        if let toldAt, ContinuousClock.now - toldAt < Self.period { return }
        do {
            guard try await BreakGlassStore(database: database).isNews() else { return }
            toldAt = .now
            guard try await record(origin) else { return }
            logger.warning(
                "the environment's operator token is used although named ones exist",
                metadata: ["address": "\(origin.address ?? "-")", "request": "\(origin.requestID ?? "-")"])
        } catch {
            toldAt = nil
            logger.error(
                "the use of the environment's token is not recorded", metadata: ["error": "\(error)"])
        }
    }

    private func record(_ origin: RequestOrigin) async throws -> Bool {
        try await database.transaction { transaction in
            guard try await BreakGlassStore(database: transaction).record(address: origin.address) else {
                return false
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(action: "environment_token.used", subject: "operator_token"), by: origin)
            return true
        }
    }
}
