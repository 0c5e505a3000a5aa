import FoundationEssentials
import Postgres
import Providers

/// The rows of `billing_events`: each event of Stripe's once, and what came of it.
package struct BillingEvents: Sendable {
    package let billing: BillingContext
    package let transaction: Transaction

    package init(billing: BillingContext, transaction: Transaction) {
        self.billing = billing
        self.transaction = transaction
    }

    /// What may change an organisation's standing. Source: Stripe API reference, "Types of events".
    private static let types = ["customer.", "checkout.session.", "invoice."]

    /// Ids are kept for this long, in seconds. Stripe sends an event again for at most 30 days, and a
    /// signature is good for minutes.
    static let keptFor = 7_776_000.0

    package enum Outcome: String, Sendable, Encodable { case applied, ignored, unmatched }

    /// - Returns: whether it came for the first time; otherwise nothing is done.
    package func receive(_ event: StripeEvent) async throws -> Bool {
        let object = event.data.object
        let isRelevant = Self.types.contains { event.type.hasPrefix($0) }
        let org = isRelevant ? try await org(of: event) : nil
        let outcome: Outcome = isRelevant ? (org == nil ? .unmatched : .applied) : .ignored
        let inserted = try await transaction.execute(
            """
            INSERT INTO billing_events (id, type, object_id, org_id, outcome, created_at)
            VALUES (\(event.id), \(event.type), \(object.id), \(org), \(outcome.rawValue),
                to_timestamp(\(event.created)))
            ON CONFLICT (id) DO NOTHING
            """)
        guard inserted == 1 else { return false }
        if let org { try await SubscriptionSyncs(billing: billing).requestSync(org: org, in: transaction) }
        return true
    }

    /// By the customer, or by what we ourselves have written on the object: the customer's id may not be
    /// recorded yet.
    private func org(of event: StripeEvent) async throws -> UUID? {
        let object = event.data.object
        let accounts = BillingStore(database: transaction)
        let isCustomer = event.type.hasPrefix("customer.") && object.customer == nil
        if let customer = object.customer?.id ?? (isCustomer ? object.id : nil),
            let org = try await accounts.org(customer: customer)
        {
            return org
        }
        let named = (object.metadata?["org_id"] ?? object.clientReferenceID).flatMap(UUID.init(uuidString:))
        guard let named, try await accounts.find(org: named) != nil else { return nil }
        return named
    }

    static func forgetOld(_ database: any PostgresExecutor) async throws {
        try await database.execute(
            "DELETE FROM billing_events WHERE received_at < now() - make_interval(secs => \(keptFor))")
    }
}
