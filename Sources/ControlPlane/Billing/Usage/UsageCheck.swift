import FoundationEssentials
import Organisations
import Postgres

/// Compares the sums with the raw rows, month by month, and makes them anew where they differ.
package struct UsageCheck: Sendable {
    /// A month of millions of rows takes seconds; more than this is too much at once.
    package static let statementTimeout: SQL = "SET LOCAL statement_timeout = '600s'"
    /// Differences that are named; how many there are is told whole.
    static let maximumNamed = 20

    package let database: PostgresPool

    package init(database: PostgresPool) {
        self.database = database
    }

    package struct Difference: Encodable, Sendable {
        /// `hours` against the raw rows, or `days` against the hours.
        package var table: String
        package var orgID: String
        /// RFC 3339, or a date.
        package var time: String
        package var workspaceID: String
        package var provider: String
        package var model: String
        /// In millicredits and events, as the sums are and as they should be.
        package var events: Int
        var eventsExpected: Int
        package var millicredits: Int
        var millicreditsExpected: Int

        package init(
            table: String, orgID: String, time: String, workspaceID: String, provider: String, model: String,
            events: Int, eventsExpected: Int, millicredits: Int, millicreditsExpected: Int
        ) {
            self.table = table
            self.orgID = orgID
            self.time = time
            self.workspaceID = workspaceID
            self.provider = provider
            self.model = model
            self.events = events
            self.eventsExpected = eventsExpected
            self.millicredits = millicredits
            self.millicreditsExpected = millicreditsExpected
        }

        enum CodingKeys: String, CodingKey {
            case table, time, provider, model, events, millicredits
            case orgID = "org_id"
            case workspaceID = "workspace_id"
            case eventsExpected = "events_expected"
            case millicreditsExpected = "millicredits_expected"
        }
    }

    package struct Report: Encodable, Sendable {
        /// As `2026-11`.
        package var month: String
        /// false: the month was dropped; its days are compared with its hours alone.
        var hasRawRows: Bool
        /// By the hours.
        package var events: Int
        package var differences: Int
        /// The first of them.
        package var named: [Difference]
        package var rebuilt = false

        package init(
            month: String, hasRawRows: Bool, events: Int, differences: Int, named: [Difference],
            rebuilt: Bool = false
        ) {
            self.month = month
            self.hasRawRows = hasRawRows
            self.events = events
            self.differences = differences
            self.named = named
            self.rebuilt = rebuilt
        }

        enum CodingKeys: String, CodingKey {
            case month, events, differences, named, rebuilt
            case hasRawRows = "has_raw_rows"
        }
    }

    /// Every month of which there are raw rows or sums.
    package func months() async throws -> [Month] {
        let summed = try await database.query(
            "SELECT DISTINCT to_char(day, 'YYYY-MM') AS month FROM usage_days"
        ).compactMap { Month(try $0["month", as: String.self]) }
        let raw = try await UsageMonths(database: database).list()
        return Dictionary((summed + raw).map { ($0.text, $0) }) { first, _ in first }
            .sorted { $0.key < $1.key }.map(\.value)
    }

    /// In one snapshot: exact while batches come.
    package func report(_ month: Month, rebuild: Bool = false, by origin: RequestOrigin? = nil) async throws
        -> Report
    {
        try await database.transaction(rebuild ? .readCommitted : .repeatableRead) { transaction in
            try await transaction.execute(Self.statementTimeout)
            if rebuild {
                // Batches wait from here on; the next statement sees all that came before.
                try await transaction.execute(
                    "LOCK TABLE usage_hours, usage_days IN SHARE ROW EXCLUSIVE MODE")
            }
            var report = try await compare(month, transaction)
            guard rebuild, report.differences > 0 else { return report }
            if report.hasRawRows { try await rebuildHours(month, transaction) }
            try await rebuildDays(month, transaction)
            report.rebuilt = true
            if let origin {
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "usage.rebuilt", subject: month.text,
                        after: ["differences": .integer(report.differences)]), by: origin)
            }
            return report
        }
    }

    private func compare(_ month: Month, _ transaction: Transaction) async throws -> Report {
        let row = try await transaction.query(
            """
            SELECT to_regclass(\(month.partition)) IS NOT NULL AS has_raw,
                (SELECT coalesce(sum(events), 0)::bigint FROM usage_hours
                    WHERE hour >= \(month.firstMoment) AND hour < \(month.endMoment)) AS events
            """)[0]
        let hasRawRows = try row["has_raw", as: Bool.self]
        var rows = try await differences("days", Self.days(month), Self.daysOfHours(month), transaction)
        if hasRawRows {
            rows += try await differences("hours", Self.hours(month), Self.hoursOfRaw(month), transaction)
        }
        let total = try rows.reduce(0) { $0 + (try $1["ordinal", as: Int.self] == 1 ? try $1["total"] : 0) }
        return Report(
            month: month.text, hasRawRows: hasRawRows, events: try row["events"], differences: total,
            named: try rows.prefix(Self.maximumNamed).map { try Self.difference($0) })
    }

    private func differences(
        _ table: String, _ kept: SQL, _ wanted: SQL, _ transaction: Transaction
    ) async throws -> [Row] {
        try await transaction.query(
            """
            SELECT \(table)::text AS "table", org_id, time, workspace_id, provider, model,
                coalesce(k.amounts[1], 0) AS events, coalesce(w.amounts[1], 0) AS events_expected,
                coalesce(k.amounts[6], 0) AS millicredits, coalesce(w.amounts[6], 0) AS millicredits_expected,
                count(*) OVER () AS total, row_number() OVER () AS ordinal
            FROM (\(kept)) k FULL JOIN (\(wanted)) w USING (org_id, time, workspace_id, provider, model)
            WHERE k.amounts IS DISTINCT FROM w.amounts LIMIT \(Self.maximumNamed)
            """)
    }

    private static func difference(_ row: Row) throws -> Difference {
        Difference(
            table: try row["table"], orgID: try row["org_id", as: UUID.self].text, time: try row["time"],
            workspaceID: try row["workspace_id", as: UUID.self].text, provider: try row["provider"],
            model: try row["model"], events: try row["events"],
            eventsExpected: try row["events_expected"], millicredits: try row["millicredits"],
            millicreditsExpected: try row["millicredits_expected"])
    }
}
