import FoundationEssentials
import Postgres

/// The rows of `credit_watch` and `credit_alerts`.
struct CreditWatchStore: Sendable {
    let database: any PostgresExecutor

    /// When the organisation's newest batch of usage came.
    func lastReceived(_ org: UUID) async throws -> Date? {
        try await database.query("SELECT last_received_at FROM usage_orgs WHERE org_id = \(org)")
            .first?["last_received_at"]
    }

    /// - Returns: those that were not there.
    func recordAlerts(_ account: CreditAccount) async throws -> [CreditAlert] {
        let position = account.position
        let reached = CreditAlert.Kind.allCases.filter(position.reached)
        guard !reached.isEmpty else { return [] }
        let used = reached.map { $0.isOfCap ? position.overage : position.used }
        let limits = reached.map { $0.isOfCap ? position.cap : position.granted }
        let rows = try await database.query(
            """
            INSERT INTO credit_alerts (org_id, period, kind, used, credit_limit)
            SELECT \(account.org), \(account.month.firstDay), kind, used, credit_limit
            FROM unnest(\(reached.map(\.rawValue)), \(used), \(limits))
                AS new (kind, used, credit_limit)
            ON CONFLICT (org_id, period, kind) DO NOTHING
            RETURNING kind, at, used, credit_limit
            """)
        return try rows.map(CreditAlert.init)
    }

    func alerts(of org: UUID, in month: Month) async throws -> [CreditAlert] {
        let rows = try await database.query(
            """
            SELECT kind, at, used, credit_limit FROM credit_alerts
            WHERE org_id = \(org) AND period = \(month.firstDay) ORDER BY at, kind
            """)
        return try rows.map(CreditAlert.init)
    }

    /// Keeps what was seen. The caller holds the organisation's lock.
    /// - Returns: whether the tenant knows another state. One that was never looked at knows that all is
    ///   well.
    func saw(_ account: CreditAccount, receivedAt: Date?) async throws -> Bool {
        let state = account.position.state
        let before = try await database.query(
            "SELECT state FROM credit_watch WHERE org_id = \(account.org)"
        ).first
        try await database.execute(
            """
            INSERT INTO credit_watch (org_id, seen_received_at, period, state)
            VALUES (\(account.org), \(receivedAt), \(account.month.firstDay), \(state?.rawValue))
            ON CONFLICT (org_id) DO UPDATE SET seen_received_at = EXCLUDED.seen_received_at,
                period = EXCLUDED.period, state = EXCLUDED.state, looked_at = now()
            """)
        guard let before else { return state == .overage || state == .exhausted }
        return try before["state", as: String?.self] != state?.rawValue
    }
}

extension CreditAlert {
    package init(_ row: Row) throws {
        kind = try row.decode("kind", as: Kind.self)
        at = try row["at"]
        used = try row["used"]
        limit = try row["credit_limit"]
    }
}
