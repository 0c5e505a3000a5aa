import FoundationEssentials
import Postgres
import Providers

/// The rows of `overage_reports`.
struct OverageStore: Sendable {
    let database: any PostgresExecutor

    // MARK: Cutting

    /// Organisations with a month that may have overage to report, in order of their ids: no report is open,
    /// and the last was cut long enough ago, or before the subscription ended, which Stripe tells in whole
    /// seconds. One that is gone had its last report before its subscription ended: there is no invoice for
    /// another.
    func due(_ month: Month, every interval: Duration, after last: UUID?, limit: Int) async throws -> [UUID] {
        let rows = try await database.query(
            """
            SELECT p.org_id FROM credit_periods p JOIN billing_accounts b ON b.org_id = p.org_id
            JOIN orgs o ON o.id = p.org_id
            WHERE p.period = \(month.firstDay) AND b.customer_id IS NOT NULL AND o.status <> 'purged'
                AND (\(last)::uuid IS NULL OR p.org_id > \(last)::uuid)
                AND NOT EXISTS (
                    SELECT FROM overage_reports r WHERE r.org_id = p.org_id AND (
                        r.state IN ('pending', 'unknown') OR r.period = p.period
                            AND r.created_at > now() - make_interval(secs => \(interval / .seconds(1)))
                            AND (b.subscription_status = 'canceled' AND r.created_at < b.ends_at
                                + interval '1 second') IS NOT TRUE))
            ORDER BY p.org_id LIMIT \(limit)
            """)
        return try rows.map { try $0["org_id"] }
    }

    /// All that was ever cut of these months.
    func reported(_ orgs: [UUID], in month: Month) async throws -> [UUID: Int] {
        let rows = try await database.query(
            """
            SELECT org_id, sum(credits)::bigint AS credits FROM overage_reports
            WHERE org_id = ANY (\(orgs)) AND period = \(month.firstDay) GROUP BY org_id
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0["org_id"], try $0["credits"]) })
    }

    /// Whether it is not known of a report yet that Stripe has it.
    func isOpen(_ org: UUID) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT EXISTS (SELECT FROM overage_reports
                WHERE org_id = \(org) AND state IN ('pending', 'unknown')) AS is_open
            """)
        return try rows[0]["is_open"]
    }

    /// - Returns: nil when the organisation has no customer at Stripe, or another report is open.
    func insert(org: UUID, _ month: Month, credits: Int, eventAt: Date) async throws -> UUID? {
        try await database.query(
            """
            INSERT INTO overage_reports (id, org_id, period, customer_id, credits, event_at)
            SELECT gen_random_uuid(), org_id, \(month.firstDay), customer_id, \(credits),
                date_trunc('second', \(eventAt))
            FROM billing_accounts WHERE org_id = \(org) AND customer_id IS NOT NULL
            ON CONFLICT (org_id) WHERE state IN ('pending', 'unknown') DO NOTHING
            RETURNING id
            """
        ).first?["id"]
    }

    // MARK: Sending

    /// Marks an attempt before it is made, so that a crash from here on leaves an outcome that is not known.
    /// - Parameters:
    ///   - org: nil: of any.
    ///   - lease: until which nobody else makes one.
    /// - Returns: the report as the attempt makes it, and what it was; nil when none is due.
    func beginAttempt(
        of org: UUID? = nil, lease: Duration
    ) async throws -> (report: OverageReport, before: OverageReport.State)? {
        let window = StripeClient.MeterEvent.identifierLifetime
        let rows = try await database.query(
            """
            WITH due AS (
                SELECT id AS due_id, state AS before FROM overage_reports
                WHERE state IN ('pending', 'unknown') AND next_look_at <= now()
                    AND (\(org)::uuid IS NULL OR org_id = \(org)::uuid)
                    AND (unknown_since IS NULL
                        OR unknown_since > now() - make_interval(secs => \(window / .seconds(1))))
                ORDER BY next_look_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            UPDATE overage_reports SET state = 'unknown', attempts = attempts + 1,
                unknown_since = coalesce(unknown_since, now()),
                next_look_at = now() + make_interval(secs => \(lease / .seconds(1)))
            FROM due WHERE id = due_id
            RETURNING before, \(OverageReport.columns)
            """)
        return try rows.first.map {
            (try OverageReport($0), try $0.decode("before", as: OverageReport.State.self))
        }
    }

    /// Stripe has it.
    func sent(_ id: UUID, lookAfter: Duration) async throws {
        try await database.execute(
            """
            UPDATE overage_reports SET state = 'sent', last_error = NULL, finished_at = now(),
                next_look_at = now() + make_interval(secs => \(lookAfter / .seconds(1)))
            WHERE id = \(id) AND state IN ('pending', 'unknown')
            """)
    }

    /// The attempt certainly had no effect: it is as it was before.
    func notSent(
        _ id: UUID, back state: OverageReport.State, error: String, again pause: Duration
    ) async throws {
        try await database.execute(
            """
            UPDATE overage_reports SET state = \(state.rawValue),
                unknown_since = CASE WHEN \(state == .pending) THEN NULL ELSE unknown_since END,
                last_error = \(error), next_look_at = now() + make_interval(secs => \(pause / .seconds(1)))
            WHERE id = \(id) AND state = 'unknown'
            """)
    }

    /// Nobody knows whether the attempt had an effect.
    func stillUnknown(_ id: UUID, error: String, again pause: Duration) async throws {
        try await notSent(id, back: .unknown, error: error, again: pause)
    }

    // MARK: Comparing

    /// Customers' months of which Stripe's sums are to be looked at: something was sent a while ago, or an
    /// outcome stayed unknown for longer than identifiers are remembered.
    func toCompare(limit: Int) async throws -> [OverageMonth] {
        let window = StripeClient.MeterEvent.identifierLifetime
        let rows = try await database.query(
            """
            SELECT DISTINCT org_id, period::text AS period, customer_id FROM overage_reports
            WHERE next_look_at <= now() AND (state = 'sent' OR state = 'unknown'
                AND unknown_since <= now() - make_interval(secs => \(window / .seconds(1))))
            LIMIT \(limit)
            """)
        return try rows.compactMap { row in
            try Month(try row["period", as: String.self]).map {
                OverageMonth(org: try row["org_id"], month: $0, customer: try row["customer_id"])
            }
        }
    }

    func reports(of month: OverageMonth) async throws -> [OverageReport] {
        let rows = try await database.query(
            """
            SELECT \(OverageReport.columns) FROM overage_reports
            WHERE org_id = \(month.org) AND period = \(month.month.firstDay)
                AND customer_id = \(month.customer)
            ORDER BY created_at, id
            """)
        return try rows.map(OverageReport.init)
    }

    /// Only those that are still what they were when Stripe was asked.
    func move(
        _ reports: [OverageReport], to state: OverageReport.State, error: String? = nil,
        again pause: Duration = .zero
    ) async throws {
        guard let first = reports.first else { return }
        let isBack = state == .pending
        try await database.execute(
            """
            UPDATE overage_reports SET state = \(state.rawValue), last_error = \(error),
                unknown_since = CASE WHEN \(isBack) THEN NULL ELSE unknown_since END,
                finished_at = CASE WHEN \(isBack) THEN NULL ELSE coalesce(finished_at, now()) END,
                next_look_at = now() + make_interval(secs => \(pause / .seconds(1)))
            WHERE id = ANY (\(reports.map(\.id))) AND state = \(first.state.rawValue)
            """)
    }

    func lookLater(_ reports: [OverageReport], error: String?, _ pause: Duration) async throws {
        try await database.execute(
            """
            UPDATE overage_reports SET last_error = coalesce(\(error), last_error),
                next_look_at = now() + make_interval(secs => \(pause / .seconds(1)))
            WHERE id = ANY (\(reports.map(\.id)))
            """)
    }
}

/// What one customer at Stripe was told of one month.
struct OverageMonth: Sendable, Hashable {
    var org: UUID
    var month: Month
    var customer: String
}
