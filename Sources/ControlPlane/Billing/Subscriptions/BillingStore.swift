import FoundationEssentials
import Postgres

/// The rows of `billing_accounts`.
package struct BillingStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// An organisation that is there already keeps its account.
    /// - Parameter delay: after it a first look is due, whether anybody has paid; nil: no look is due.
    package func open(org: UUID, lookingAfter delay: Duration? = nil) async throws {
        let seconds = delay.map { $0 / .seconds(1) }
        try await database.execute(
            """
            INSERT INTO billing_accounts (org_id, next_look_at)
            VALUES (\(org), now() + make_interval(secs => \(seconds))) ON CONFLICT DO NOTHING
            """)
    }

    package func find(org: UUID) async throws -> BillingAccount? {
        let rows = try await database.query(
            "SELECT \(BillingAccount.columns) FROM billing_accounts WHERE org_id = \(org)")
        return try rows.first.map(BillingAccount.init)
    }

    /// Until the transaction ends.
    package func lock(org: UUID) async throws -> BillingAccount? {
        let rows = try await database.query(
            """
            SELECT \(BillingAccount.columns) FROM billing_accounts WHERE org_id = \(org) FOR NO KEY UPDATE
            """)
        return try rows.first.map(BillingAccount.init)
    }

    /// Whose customer it is.
    package func org(customer: String) async throws -> UUID? {
        try await database.query(
            "SELECT org_id FROM billing_accounts WHERE customer_id = \(customer)"
        ).first?["org_id"]
    }

    /// What the purge of an organisation leaves: its customer's id and its invoices, as the law wants them.
    package func forget(org: UUID) async throws {
        try await database.execute("DELETE FROM billing_checkouts WHERE org_id = \(org)")
        try await database.execute("DELETE FROM billing_notices WHERE org_id = \(org)")
    }

    // MARK: The customer

    /// Written before Stripe is asked. The first time counts: what it was asked for then may exist since.
    func intendCustomer(org: UUID) async throws -> BillingAccount? {
        try await database.execute(
            """
            UPDATE billing_accounts SET customer_asked_at = coalesce(customer_asked_at, now())
            WHERE org_id = \(org)
            """)
        return try await find(org: org)
    }

    /// Another attempt, after one that Stripe will always answer with a failure. Of several that see this one
    /// fail, one begins the next; all of them make that.
    /// - Parameter attempt: the one that failed.
    func intendCustomerAgain(org: UUID, after attempt: Int) async throws {
        try await database.execute(
            """
            UPDATE billing_accounts SET customer_asked_at = clock_timestamp()
            WHERE org_id = \(org) AND customer_id IS NULL
                AND (extract(epoch FROM customer_asked_at) * 1000000)::bigint = \(attempt)
            """)
    }

    /// The first that is recorded stays.
    /// - Returns: the one that counts.
    func recordCustomer(org: UUID, id: String) async throws -> String {
        try await database.query(
            """
            UPDATE billing_accounts SET customer_id = coalesce(customer_id, \(id)::text)
            WHERE org_id = \(org) RETURNING customer_id
            """)[0]["customer_id"]
    }

    /// The next one is created in an attempt of its own.
    /// - Returns: false when another is recorded by now.
    func forgetCustomer(org: UUID, id: String) async throws -> Bool {
        try await database.execute(
            """
            UPDATE billing_accounts SET customer_id = NULL, customer_asked_at = clock_timestamp()
            WHERE org_id = \(org) AND customer_id = \(id)
            """) == 1
    }

    // MARK: Looks at Stripe

    /// Orders a look; whoever looks now looks again.
    /// - Returns: whether the organisation has an account.
    @discardableResult
    package func requestSync(org: UUID) async throws -> Bool {
        try await database.execute(
            "UPDATE billing_accounts SET sync_requested = sync_requested + 1 WHERE org_id = \(org)") == 1
    }

    /// Those for which a look was ordered or is due, and that nobody looks at now.
    package func due(limit: Int) async throws -> [UUID] {
        // In no order: those that fail each time do not keep the rest from their turn.
        let rows = try await database.query(
            """
            SELECT org_id FROM (
                SELECT org_id FROM billing_accounts WHERE sync_requested > sync_done
                UNION SELECT org_id FROM billing_accounts WHERE next_look_at <= now()
            ) AS wanted
            WHERE NOT EXISTS (
                SELECT FROM workflows WHERE kind = \(SyncSubscription.kind) AND subject = org_id::text
                    AND state IN ('waiting', 'running'))
            ORDER BY random() LIMIT \(limit)
            """)
        return try rows.map { try $0["org_id"] }
    }

    /// A look that failed for good is made again after this time, in seconds.
    static let failurePause = 600.0

    func recordFailure(org: UUID, _ problem: String) async throws {
        try await database.execute(
            """
            UPDATE billing_accounts SET problem = \(String(problem.prefix(500))), sync_done = sync_requested,
                next_look_at = now() + make_interval(secs => \(Self.failurePause))
            WHERE org_id = \(org)
            """)
    }

    /// What a look has shown, and up to which request that counts.
    package func record(_ account: BillingAccount, through request: Int) async throws {
        try await database.execute(
            """
            UPDATE billing_accounts SET subscription_id = \(account.subscriptionID),
                subscription_status = \(account.subscriptionStatus), lookup_key = \(account.lookupKey),
                period_end = \(account.periodEnd), ends_at = \(account.endsAt),
                surplus = \(account.surplus)::int, failing_since = \(account.failingSince),
                problem = \(account.problem), next_look_at = \(account.nextLookAt), synced_at = now(),
                sync_done = greatest(sync_done, \(request))
            WHERE org_id = \(account.orgID)
            """)
    }
}
