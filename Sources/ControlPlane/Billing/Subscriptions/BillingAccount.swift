import FoundationEssentials
import Postgres

/// What is known at Stripe of an organisation.
package struct BillingAccount: Sendable, Equatable {
    package var orgID: UUID
    package var createdAt: Date
    /// When Stripe was first asked to create the customer, in the present attempt.
    var customerAskedAt: Date?
    /// That attempt's number: the same time in microseconds. It grows with each.
    var customerAttempt: Int?
    package var customerID: String?
    var subscriptionID: String?
    /// In Stripe's words.
    package var subscriptionStatus: String?
    /// Of the plan's price.
    var lookupKey: String?
    var periodEnd: Date?
    /// It ends then, as somebody has ordered; of one that has ended: when it did.
    package var endsAt: Date?
    /// Further subscriptions that have not ended.
    package var surplus: Int
    package var failingSince: Date?
    /// What keeps the organisation from being as it is paid for, for a person.
    package var problem: String?
    var syncRequested: Int
    var syncDone: Int
    var syncedAt: Date?
    var nextLookAt: Date?
}

extension BillingAccount {
    /// When the subscription ended; nil while it goes on.
    var subscriptionEnd: Date? { subscriptionStatus == "canceled" ? endsAt : nil }

    static let columns: SQL =
        """
        org_id, created_at, customer_asked_at,
            (extract(epoch FROM customer_asked_at) * 1000000)::bigint AS customer_attempt, customer_id,
            subscription_id, subscription_status, lookup_key,
            period_end, ends_at, surplus, failing_since, problem, sync_requested, sync_done, synced_at,
            next_look_at
        """

    package init(_ row: Row) throws {
        orgID = try row["org_id", as: UUID.self]
        createdAt = try row["created_at", as: Date.self]
        customerAskedAt = try row["customer_asked_at", as: Date?.self]
        customerAttempt = try row["customer_attempt", as: Int?.self]
        customerID = try row["customer_id", as: String?.self]
        subscriptionID = try row["subscription_id", as: String?.self]
        subscriptionStatus = try row["subscription_status", as: String?.self]
        lookupKey = try row["lookup_key", as: String?.self]
        periodEnd = try row["period_end", as: Date?.self]
        endsAt = try row["ends_at", as: Date?.self]
        surplus = try row["surplus", as: Int.self]
        failingSince = try row["failing_since", as: Date?.self]
        problem = try row["problem", as: String?.self]
        syncRequested = try row["sync_requested", as: Int.self]
        syncDone = try row["sync_done", as: Int.self]
        syncedAt = try row["synced_at", as: Date?.self]
        nextLookAt = try row["next_look_at", as: Date?.self]
    }
}
