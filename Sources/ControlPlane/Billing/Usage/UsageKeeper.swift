import FoundationEssentials
import Logging
import Organisations
import Postgres
import ServiceLifecycle

/// Makes the months of usage ahead of time, and drops those whose time is over. Takes no input; of all
/// replicas any may do it, since what it does twice changes nothing.
package struct UsageKeeper: Service {
    package static let interval: Duration = .seconds(3_600)
    /// How far ahead a month is made.
    private static let ahead = 32 * 86_400 * 1_000_000

    package let database: PostgresPool
    /// Whole months that are kept beside the present one.
    package let retention: Int
    package let logger: Logger

    package init(database: PostgresPool, retention: Int, logger: Logger) {
        self.database = database
        self.retention = retention
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await keep(now: .now)
                } catch let error as PostgresError where error.isConnectionFailure {
                    // The database is away: the next hour does.
                } catch {
                    if !Task.isCancelled {
                        logger.error("usage months not kept", metadata: ["error": "\(error)"])
                    }
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// - Returns: the months that were dropped.
    @discardableResult
    func keep(now: Date) async throws -> [Month] {
        let microseconds = Int(now.timeIntervalSince1970 * 1_000_000)
        let months = UsageMonths(database: database)
        try await months.make(
            from: microseconds - UsageJudgement.maximumAge, through: microseconds + Self.ahead)
        var dropped: [Month] = []
        for month in try await months.list() where month.isOver(by: retention, now: now) {
            if try await drop(month) { dropped.append(month) }
        }
        return dropped
    }

    /// Only when the sums hold what the rows say: else somebody must look first.
    private func drop(_ month: Month) async throws -> Bool {
        let report = try await UsageCheck(database: database).report(month)
        guard report.differences == 0 else {
            logger.error(
                "usage month kept: its sums differ from its events (cpctl usage check --month)",
                metadata: ["month": "\(month.text)", "differences": "\(report.differences)"])
            return false
        }
        let isDropped = try await database.transaction { transaction in
            guard try await UsageMonths(database: transaction).drop(month) else { return false }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "usage.month_dropped", subject: month.text,
                    after: ["events": .integer(report.events)]), by: .service("usage-keeper"))
            return true
        }
        if isDropped { logger.notice("usage month dropped", metadata: ["month": "\(month.text)"]) }
        return isDropped
    }
}

extension Month {
    /// Whether so many whole months have ended since it did.
    package func isOver(by months: Int, now: Date) -> Bool {
        let present = Month(containing: now)
        return present.year * 12 + present.number - (year * 12 + number) > months
    }
}
