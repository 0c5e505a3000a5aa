import FoundationEssentials
import Postgres

/// An organisation's customer at Stripe: created once.
struct BillingCustomers: Sendable {
    let platform: Platform
    let stripe: StripeClient

    /// By which a customer is found again.
    static let metadataName = "org_id"
    /// Clocks differ: a customer may be created a little before we asked for it.
    private static let clockSkew: TimeInterval = 300

    /// The row says that Stripe is about to be asked. As long as Stripe remembers the key, the call is sent
    /// again as it was; later its customer is looked for first.
    func require(_ org: Org) async throws -> String {
        let store = BillingStore(database: platform.database)
        try await store.open(org: org.id)
        guard let account = try await store.intendCustomer(org: org.id) else {
            throw AppError.orgNotFound(org.slug)
        }
        if let known = account.customerID { return known }
        if let found = try await find(account) {
            return try await store.recordCustomer(org: org.id, id: found.id)
        }
        return try await store.recordCustomer(org: org.id, id: try await create(org).id)
    }

    private func find(_ account: BillingAccount) async throws -> StripeCustomer? {
        guard let asked = account.customerAskedAt,
            Date().timeIntervalSince(asked) > StripeClient.keyLifetime / .seconds(1)
        else { return nil }
        let since = asked.addingTimeInterval(-Self.clockSkew)
        return try await stripe.findCustomer(
            metadata: Self.metadataName, account.orgID.text, since: Int(since.timeIntervalSince1970))
    }

    /// No person's address goes to Stripe from here: who pays gives theirs on the page.
    private func create(_ org: Org) async throws -> StripeCustomer {
        try await stripe.createCustomer(
            name: org.slug, metadata: [Self.metadataName: org.id.text],
            idempotencyKey: "customer-\(org.id.text)")
    }
}
