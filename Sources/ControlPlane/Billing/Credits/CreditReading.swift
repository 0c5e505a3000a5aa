import AdminProtocol
import FoundationEssentials
import Postgres

/// An organisation's credits in one month.
package struct CreditAccount: Sendable {
    package let org: UUID
    package let month: Month
    /// In force in the month, or at its end.
    package let plan: String
    /// Of that plan, in a whole month.
    package let planCredits: Int
    /// The cap that the customer has set; nil: what the configuration says.
    package let ownCap: Int?
    package let position: CreditPosition
}

/// Reads where organisations stand, and writes nothing. A month that has no row yet is as it would be opened.
package struct CreditReading: Sendable {
    package let database: any PostgresExecutor
    package let rules: CreditRules

    package init(database: any PostgresExecutor, rules: CreditRules) {
        self.database = database
        self.rules = rules
    }

    /// One statement for all of them. Which do not exist are left out.
    package func accounts(of orgs: [UUID], in month: Month) async throws -> [UUID: CreditAccount] {
        guard !orgs.isEmpty else { return [:] }
        let rows = try await database.query(
            """
            SELECT o.id, o.plan, o.created_at, p.settled, now_plan.plan AS month_plan,
                now_plan.plan_credits AS month_credits, later.plan AS later_plan,
                later.plan_credits AS later_credits, given.credits AS granted, used.millicredits,
                CASE WHEN p.org_id IS NULL THEN o.overage_cap ELSE p.overage_cap END AS own_cap
            FROM orgs o
            LEFT JOIN credit_periods p ON p.org_id = o.id AND p.period = \(month.firstDay)
            LEFT JOIN LATERAL (\(Self.lastPlan(in: month))) AS now_plan ON true
            LEFT JOIN LATERAL (\(Self.planAfter(month))) AS later ON true
            LEFT JOIN LATERAL (
                SELECT sum(credits)::bigint AS credits FROM credit_grants
                WHERE org_id = o.id AND period = \(month.firstDay)) AS given ON true
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(millicredits), 0)::bigint AS millicredits FROM usage_days
                WHERE org_id = o.id AND day >= \(month.firstDay) AND day < \(month.next.firstDay)) AS used
                ON true
            WHERE o.id = ANY (\(orgs))
            """)
        let accounts = try rows.map { try account($0, month) }
        return Dictionary(uniqueKeysWithValues: accounts.map { ($0.org, $0) })
    }

    /// - Throws: `org_not_found` (404).
    package func account(of org: UUID, in month: Month) async throws -> CreditAccount {
        guard let account = try await accounts(of: [org], in: month)[org] else {
            throw AppError(.notFound, "org_not_found", "The organisation was deleted meanwhile.")
        }
        return account
    }

    /// Of the organisation `o`.
    private static func lastPlan(in month: Month) -> SQL {
        """
        SELECT plan, plan_credits FROM credit_grants
        WHERE org_id = o.id AND period = \(month.firstDay) AND plan IS NOT NULL ORDER BY id DESC LIMIT 1
        """
    }

    /// Of the organisation `o`: a plan changes only in a month that is opened with the one before, so the
    /// next opened month tells what was in force until then.
    static func planAfter(_ month: Month) -> SQL {
        """
        SELECT plan, plan_credits FROM credit_grants
        WHERE org_id = o.id AND period > \(month.firstDay) AND kind = 'monthly' ORDER BY period LIMIT 1
        """
    }

    private func account(_ row: Row, _ month: Month) throws -> CreditAccount {
        let name = try row["plan", as: String.self]
        let plan =
            try row["month_plan", as: String?.self] ?? row["later_plan", as: String?.self] ?? name
        let credits =
            try row["month_credits", as: Int?.self] ?? row["later_credits", as: Int?.self]
            ?? rules.monthlyCredits(of: plan)
        let opened = PlanGrants.opening(
            month, plan: plan, planCredits: credits, createdAt: try row["created_at"])
        let ownCap = try row["own_cap", as: Int?.self]
        return CreditAccount(
            org: try row["id"], month: month, plan: plan, planCredits: credits, ownCap: ownCap,
            position: CreditPosition(
                granted: try row["granted", as: Int?.self] ?? opened.grants.credits,
                usedMillicredits: try row["millicredits"],
                settled: try row["settled", as: Int?.self] ?? 0,
                cap: rules.cap(of: plan, own: ownCap)))
    }
}
