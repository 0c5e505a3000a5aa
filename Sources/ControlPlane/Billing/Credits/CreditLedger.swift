import AdminProtocol
import FoundationEssentials
import Postgres

/// Writes credits: months, grants and caps. Whatever changes an organisation's credits locks its row first,
/// so that one change comes after another; use that is ingested meanwhile waits for nobody.
package struct CreditLedger: Sendable {
    package let database: Transaction
    package let rules: CreditRules

    package init(database: Transaction, rules: CreditRules) {
        self.database = database
        self.rules = rules
    }

    private var reading: CreditReading { CreditReading(database: database, rules: rules) }

    /// Called in the transaction that changes `orgs.plan`, once that is written or before. The same again
    /// changes nothing.
    /// - Parameter date: when the other plan begins to count: in the present month, or, where a later one has
    ///   begun already, from its beginning.
    func planChanged(org: UUID, from: String, to: String, at date: Date) async throws {
        try await lock(org)
        let month = max(Month(containing: date), try await lastOpened(org) ?? Month(containing: date))
        try await open(org, month, plan: from)
        try await settle(org, month)
        guard var grants = try await grants(of: org, in: month),
            let grant = grants.change(to: to, planCredits: rules.monthlyCredits(of: to), at: date)
        else { return }
        try await insert(grant, org, month)
        try await lookAgain(org)
    }

    /// Gives credits by hand, or takes some back, once for each key.
    /// - Returns: whether it was new.
    /// - Throws: `too_few_credits` (409) where more are to be taken than are granted.
    package func adjust(org: UUID, month: Month, credits: Int, key: String, note: String?) async throws
        -> Bool
    {
        try await open(org, month)
        try await settle(org, month)
        let granted = try await reading.account(of: org, in: month).position.granted
        let inserted = try await database.execute(
            """
            INSERT INTO credit_grants (org_id, period, key, kind, effective_at, credits, note)
            VALUES (\(org), \(month.firstDay), \("adjustment-" + key), 'adjustment', now(), \(credits),
                \(note))
            ON CONFLICT (org_id, period, key) DO NOTHING
            """)
        guard inserted == 1 else { return false }
        guard granted + credits >= 0 else {
            throw AppError(
                .conflict, "too_few_credits",
                "Only \(granted) credits are granted in \(month.text); no more can be taken back.")
        }
        try await lookAgain(org)
        return true
    }

    /// From the present month on.
    /// - Parameter cap: nil: what the configuration says.
    package func setCap(org: UUID, _ cap: Int?, month: Month) async throws {
        try await open(org, month)
        try await settle(org, month)
        try await database.execute(
            "UPDATE orgs SET overage_cap = \(cap), updated_at = now() WHERE id = \(org)")
        try await database.execute(
            """
            UPDATE credit_periods SET overage_cap = \(cap)
            WHERE org_id = \(org) AND period = \(month.firstDay)
            """)
        try await lookAgain(org)
    }

    /// What is overage now stays charged.
    /// - Returns: all that is, of the month.
    @discardableResult
    func settle(_ org: UUID, _ month: Month) async throws -> Int {
        let overage = try await reading.account(of: org, in: month).position.overage
        try await database.execute(
            """
            UPDATE credit_periods SET settled = \(overage)
            WHERE org_id = \(org) AND period = \(month.firstDay) AND settled < \(overage)
            """)
        return overage
    }

    /// The month has its row and its monthly grant; one that has them stays as it is.
    /// - Parameter plan: in force when the month began; nil: what the rows say.
    package func open(_ org: UUID, _ month: Month, plan: String? = nil) async throws {
        try await lock(org)
        let inserted = try await database.execute(
            """
            INSERT INTO credit_periods (org_id, period, overage_cap)
            SELECT id, \(month.firstDay), overage_cap FROM orgs WHERE id = \(org)
            ON CONFLICT (org_id, period) DO NOTHING
            """)
        guard inserted == 1 else { return }
        let row = try await database.query(
            """
            SELECT o.created_at, coalesce(later.plan, \(plan), o.plan) AS plan, later.plan_credits
            FROM orgs o LEFT JOIN LATERAL (\(CreditReading.planAfter(month))) AS later ON true
            WHERE o.id = \(org)
            """)[0]
        let name = try row["plan", as: String.self]
        let (_, grant) = PlanGrants.opening(
            month, plan: name,
            planCredits: try row["plan_credits", as: Int?.self] ?? rules.monthlyCredits(of: name),
            createdAt: try row["created_at"])
        try await insert(grant, org, month)
    }

    /// A month in which nothing was used needs no row.
    func openIfUsed(_ org: UUID, _ month: Month) async throws {
        let used = try await database.query(
            """
            SELECT EXISTS (SELECT FROM usage_days WHERE org_id = \(org) AND day >= \(month.firstDay)
                AND day < \(month.next.firstDay)) AS found
            """)
        if try used[0]["found"] { try await open(org, month) }
    }

    // MARK: Rows

    /// Until the transaction ends.
    /// - Throws: `org_not_found` (404) for one that never was.
    package func lock(_ org: UUID) async throws {
        let rows = try await database.query("SELECT id FROM orgs WHERE id = \(org) FOR NO KEY UPDATE")
        guard rows.count == 1 else {
            throw AppError(.notFound, "org_not_found", "The organisation was deleted meanwhile.")
        }
    }

    private func lastOpened(_ org: UUID) async throws -> Month? {
        let rows = try await database.query(
            "SELECT max(period)::text AS period FROM credit_periods WHERE org_id = \(org)")
        return try rows[0]["period", as: String?.self].flatMap(Month.init)
    }

    private func grants(of org: UUID, in month: Month) async throws -> PlanGrants? {
        let rows = try await database.query(
            """
            SELECT plan, plan_credits, effective_at, sum(credit_seconds) OVER all_rows AS credit_seconds,
                sum(credits) OVER all_rows AS credits, count(*) OVER all_rows AS count
            FROM credit_grants
            WHERE org_id = \(org) AND period = \(month.firstDay) AND kind <> 'adjustment'
            WINDOW all_rows AS (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
            ORDER BY id DESC LIMIT 1
            """)
        return try rows.first.map { row in
            PlanGrants(
                month: month, plan: try row["plan"], planCredits: try row["plan_credits"],
                since: try row["effective_at"], creditSeconds: try row["credit_seconds"],
                credits: try row["credits"], count: try row["count"])
        }
    }

    private func insert(_ grant: PlanGrants.Grant, _ org: UUID, _ month: Month) async throws {
        try await database.execute(
            """
            INSERT INTO credit_grants (org_id, period, key, kind, plan, plan_credits, effective_at,
                credit_seconds, credits)
            VALUES (\(org), \(month.firstDay), \(grant.key), \(grant.kind.rawValue), \(grant.plan),
                \(grant.planCredits), \(grant.effectiveAt), \(grant.creditSeconds), \(grant.credits))
            """)
    }

    /// Once the transaction commits, the watch looks.
    private func lookAgain(_ org: UUID) async throws {
        try await database.execute(
            "UPDATE credit_watch SET seen_received_at = NULL WHERE org_id = \(org)")
        _ = try await database.query("SELECT pg_notify(\(CreditWatch.channel), '')")
    }
}
