import FoundationEssentials
import Postgres

/// An organisation's credits of a month, with what they are made of.
package struct CreditView: Encodable {
    private struct Grant: Encodable {
        var kind: CreditGrant.Kind
        var plan: String?
        var credits: Int
        var effectiveAt: Date
        var note: String?

        enum CodingKeys: String, CodingKey {
            case kind, plan, credits, note
            case effectiveAt = "effective_at"
        }
    }

    package let account: CreditAccount
    private let grants: [Grant]
    private let alerts: [CreditAlert]

    /// - Parameter database: one snapshot, where the parts have to fit each other.
    package init(_ account: CreditAccount, _ database: any PostgresExecutor) async throws {
        self.account = account
        alerts = try await CreditWatchStore(database: database).alerts(of: account.org, in: account.month)
        let rows = try await database.query(
            """
            SELECT kind, plan, credits, effective_at, note FROM credit_grants
            WHERE org_id = \(account.org) AND period = \(account.month.firstDay) ORDER BY id
            """)
        grants = try rows.map { row in
            Grant(
                kind: try row.decode("kind", as: CreditGrant.Kind.self), plan: try row["plan"],
                credits: try row["credits"], effectiveAt: try row["effective_at"], note: try row["note"])
        }
    }

    private enum CodingKeys: String, CodingKey {
        case month, plan, state, grants, alerts
        case planMonthlyCredits = "plan_monthly_credits"
        case granted = "granted_credits"
        case used = "used_credits"
        case usedMillicredits = "used_millicredits"
        case balance = "credits_balance"
        case overage = "overage_used_credits"
        case cap = "overage_cap_credits"
        case ownCap = "own_overage_cap_credits"
        case remaining = "credits_remaining"
        case uncharged = "uncharged_credits"
    }

    package func encode(to encoder: any Encoder) throws {
        let position = account.position
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(account.month.text, forKey: .month)
        try container.encode(account.plan, forKey: .plan)
        try container.encode(account.planCredits, forKey: .planMonthlyCredits)
        try container.encode(position.granted, forKey: .granted)
        try container.encode(position.used, forKey: .used)
        try container.encode(position.usedMillicredits, forKey: .usedMillicredits)
        try container.encode(position.balance, forKey: .balance)
        try container.encode(position.overage, forKey: .overage)
        try container.encode(position.cap, forKey: .cap)
        try container.encode(account.ownCap, forKey: .ownCap)
        try container.encode(position.remaining, forKey: .remaining)
        try container.encode(position.uncharged, forKey: .uncharged)
        try container.encode(position.state, forKey: .state)
        try container.encode(grants, forKey: .grants)
        try container.encode(alerts, forKey: .alerts)
    }
}
