import FoundationEssentials
import Postgres

/// The partitions of `usage_events`, one a month (UTC). Made and dropped by functions of the tables' owner:
/// the service's role owns no table.
package struct UsageMonths: Sendable {
    /// The service is younger than any month before.
    package static let earliestYear = 2_000

    package let database: any PostgresExecutor

    /// Makes those that are missing between two times, in microseconds since 1970.
    func make(from first: Int, through last: Int) async throws {
        try await database.execute(
            """
            SELECT usage_make_month(m::date) FROM generate_series(
                date_trunc('month', to_timestamp(\(first / 1_000_000)) AT TIME ZONE 'UTC'),
                to_timestamp(\(last / 1_000_000)) AT TIME ZONE 'UTC', interval '1 month') AS m
            """)
    }

    /// Those that there are, the oldest first.
    package func list() async throws -> [Month] {
        try await database.query(
            """
            SELECT replace(substr(c.relname, 14), '_', '-') AS month
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'usage_events'::regclass ORDER BY 1
            """
        ).compactMap { Month(try $0["month", as: String.self]) }
    }

    /// Waits for batches for two seconds at most, while which other batches wait too.
    /// - Returns: false where it is not there.
    package func drop(_ month: Month) async throws -> Bool {
        try await database.execute("SET LOCAL lock_timeout = '2s'")
        return try await database.query("SELECT usage_drop_month(\(month.firstDay)::date) AS dropped")[0][
            "dropped"]
    }
}
