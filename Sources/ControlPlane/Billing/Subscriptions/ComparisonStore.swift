import AdminProtocol
import FoundationEssentials
import Postgres

/// A comparison with Stripe's list, as operators see it.
package struct BillingComparison: Sendable, Encodable {
    var startedAt: Date
    package var subscriptions: Int
    /// Organisations whose look was ordered.
    package var differing: Int
    package var strangers: Int

    enum CodingKeys: String, CodingKey {
        case subscriptions, differing, strangers
        case startedAt = "started_at"
    }
}

/// The rows of `billing_comparisons`.
struct ComparisonStore: Sendable {
    let database: any PostgresExecutor

    /// One whose process has ended is closed first.
    /// - Parameter interval: since the last one began.
    /// - Returns: nil when it is not due, or one is under way.
    func begin(after interval: Duration, lease: Duration) async throws -> UUID? {
        try await database.execute(
            """
            UPDATE billing_comparisons SET finished_at = now(), failure = 'The process ended.'
            WHERE finished_at IS NULL AND leased_until < now()
            """)
        return try await database.query(
            """
            INSERT INTO billing_comparisons (id, leased_until)
            SELECT \(UUID()), now() + make_interval(secs => \(lease / .seconds(1)))
            WHERE NOT EXISTS (SELECT FROM billing_comparisons
                WHERE started_at > now() - make_interval(secs => \(interval / .seconds(1))))
            ON CONFLICT DO NOTHING RETURNING id
            """
        ).first?["id"]
    }

    /// - Throws: `comparison_lost` when it was taken for dead.
    func renew(_ id: UUID, lease: Duration) async throws {
        let renewed = try await database.execute(
            """
            UPDATE billing_comparisons
            SET leased_until = now() + make_interval(secs => \(lease / .seconds(1)))
            WHERE id = \(id) AND finished_at IS NULL
            """)
        guard renewed == 1 else {
            throw AppError(.conflict, "comparison_lost", "Another replica has taken over the comparison.")
        }
    }

    func finish(
        _ id: UUID, _ comparison: SubscriptionComparison?, failure: String?
    ) async throws -> BillingComparison? {
        let row = try await database.query(
            """
            UPDATE billing_comparisons SET finished_at = now(), failure = \(failure),
                subscriptions = \(comparison?.count ?? 0)::int,
                differing = \(comparison?.differing.count ?? 0)::int,
                strangers = \(comparison?.strangers.count ?? 0)::int
            WHERE id = \(id) RETURNING started_at, subscriptions, differing, strangers
            """
        ).first
        return try row.map {
            BillingComparison(
                startedAt: try $0["started_at"], subscriptions: try $0["subscriptions"],
                differing: try $0["differing"], strangers: try $0["strangers"])
        }
    }

    /// By customer.
    func known() async throws -> [String: SubscriptionComparison.Known] {
        try await database.query(
            """
            SELECT org_id, customer_id, subscription_id, subscription_status, lookup_key, period_end, ends_at
            FROM billing_accounts WHERE customer_id IS NOT NULL
            """
        ).reduce(into: [:]) { known, row in
            known[try row["customer_id", as: String.self]] = .init(
                orgID: try row["org_id"], subscriptionID: try row["subscription_id"],
                status: try row["subscription_status"], lookupKey: try row["lookup_key"],
                periodEnd: try row["period_end"], endsAt: try row["ends_at"])
        }
    }
}
