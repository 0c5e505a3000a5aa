import FoundationEssentials
import Postgres

/// A month of usage in SQL: its partition, its first moment and the first after it, and its days.
extension Month {
    var partition: String { "usage_events_" + text.replacing("-", with: "_") }
    var firstMoment: SQL { "(\(firstDay)::text || ' 00:00:00+00')::timestamptz" }
    var endMoment: SQL { next.firstMoment }
    package var days: SQL { "day >= \(firstDay)::date AND day < \(next.firstDay)::date" }
}

/// The sums as they stand, and as they should: rows of `org_id`, `time`, `workspace_id`, `provider`,
/// `model` and `amounts`, of which the first are events and the last millicredits.
extension UsageCheck {
    private static let amounts: SQL =
        """
        ARRAY[events, input_tokens, output_tokens, cached_tokens, reasoning_tokens, millicredits] AS amounts
        """

    private static let summed: SQL =
        """
        ARRAY[sum(events), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(reasoning_tokens),
            sum(millicredits)]::bigint[] AS amounts
        """

    package static func hours(_ month: Month) -> SQL {
        """
        SELECT org_id, hour::text AS time, workspace_id, provider, model, \(amounts)
        FROM usage_hours WHERE hour >= \(month.firstMoment) AND hour < \(month.endMoment)
        """
    }

    package static func days(_ month: Month) -> SQL {
        """
        SELECT org_id, day::text AS time, workspace_id, provider, model, \(amounts)
        FROM usage_days WHERE \(month.days)
        """
    }

    static func daysOfHours(_ month: Month) -> SQL {
        """
        SELECT org_id, (hour AT TIME ZONE 'UTC')::date::text AS time, workspace_id, provider, model, \(summed)
        FROM usage_hours WHERE hour >= \(month.firstMoment) AND hour < \(month.endMoment)
        GROUP BY 1, 2, 3, 4, 5
        """
    }

    /// Grouped by the small keys, and named only then.
    static func hoursOfRaw(_ month: Month) -> SQL {
        """
        SELECT u.org_id, r.hour::text AS time, r.workspace_id, m.provider, m.model, r.amounts FROM (
            SELECT org, date_trunc('hour', occurred_at, 'UTC') AS hour, workspace_id, model,
                ARRAY[count(*), sum(input_tokens), sum(output_tokens), sum(cached_tokens),
                    sum(reasoning_tokens), sum(millicredits)]::bigint[] AS amounts
            FROM usage_events WHERE occurred_at >= \(month.firstMoment) AND occurred_at < \(month.endMoment)
            GROUP BY 1, 2, 3, 4
        ) r JOIN usage_orgs u ON u.key = r.org JOIN usage_models m ON m.key = r.model
        """
    }

    func rebuildHours(_ month: Month, _ transaction: Transaction) async throws {
        try await transaction.execute(
            "DELETE FROM usage_hours WHERE hour >= \(month.firstMoment) AND hour < \(month.endMoment)")
        try await transaction.execute(
            """
            INSERT INTO usage_hours (org_id, hour, workspace_id, provider, model, \(UsageStore.amounts))
            SELECT org_id, time::timestamptz, workspace_id, provider, model, amounts[1], amounts[2],
                amounts[3], amounts[4], amounts[5], amounts[6]
            FROM (\(Self.hoursOfRaw(month))) raw
            """)
    }

    func rebuildDays(_ month: Month, _ transaction: Transaction) async throws {
        try await transaction.execute("DELETE FROM usage_days WHERE \(month.days)")
        try await transaction.execute(
            """
            INSERT INTO usage_days (org_id, day, workspace_id, provider, model, \(UsageStore.amounts))
            SELECT org_id, time::date, workspace_id, provider, model, amounts[1], amounts[2], amounts[3],
                amounts[4], amounts[5], amounts[6]
            FROM (\(Self.daysOfHours(month))) hours
            """)
    }
}
