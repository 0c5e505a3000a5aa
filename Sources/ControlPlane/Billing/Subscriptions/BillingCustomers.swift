import AdminProtocol
import Arithmetic
import FoundationEssentials
import Organisations
import Postgres
import Providers

/// An organisation's customer at Stripe: created once, and again after somebody has deleted it at Stripe.
package struct BillingCustomers: Sendable {
    let billing: BillingContext
    let stripe: StripeClient

    package init(billing: BillingContext, stripe: StripeClient) {
        self.billing = billing
        self.stripe = stripe
    }

    /// By which a customer is found again.
    static let metadataName = "org_id"
    /// Clocks differ, and a call may have been slow: customers are looked for that were created so long, in
    /// seconds, before the present attempt.
    private static let lookBack: TimeInterval = 3_600
    /// Attempts of one request, each under a key of its own, while Stripe answers 500.
    private static let maximumAttempts = 2

    /// The row says that Stripe is about to be asked. As long as Stripe remembers the key, the call is sent
    /// again as it was; later its customer is looked for first. So it is where Stripe only repeats a failure
    /// under the key: another attempt is committed when there is no customer, and made under its own key.
    func require(_ org: Org) async throws -> String {
        let store = BillingStore(database: billing.database)
        try await store.open(org: org.id)
        var failure: ProviderError?
        for _ in 0..<Self.maximumAttempts {
            guard let account = try await store.intendCustomer(org: org.id),
                let attempt = account.customerAttempt
            else { throw AppError.orgNotFound(org.slug) }
            if let known = account.customerID { return known }
            if isKeyOver(account), let found = try await find(account) {
                return try await store.recordCustomer(org: org.id, id: found.id)
            }
            do {
                let made = try await create(org, attempt)
                return try await store.recordCustomer(org: org.id, id: made.id)
            } catch let error as ProviderError where error.isKeptUnderKey {
                failure = error
            }
            if let found = try await find(account) {
                return try await store.recordCustomer(org: org.id, id: found.id)
            }
            try await store.intendCustomerAgain(org: org.id, after: attempt)
        }
        throw failure ?? AppError.orgNotFound(org.slug)
    }

    /// Does something with an organisation's customer. Where Stripe answers that a thing is missing, the
    /// recorded customer is checked, and forgotten if it was deleted there: its pages end with it.
    /// - Returns: nil when the customer is gone. Another one can be created.
    package func using<Value: Sendable>(
        _ customer: String, of org: Org, by origin: RequestOrigin, _ body: () async throws -> Value
    ) async throws -> Value? {
        do {
            return try await body()
        } catch let error as ProviderError where error.isMissingAtStripe {
            if try await stripe.hasCustomer(id: customer) { throw error }
        }
        for checkout in try await CheckoutStore(database: billing.database).open(org: org.id) {
            if let session = checkout.sessionID { try await stripe.expireCheckout(id: session) }
        }
        try await billing.database.transaction { transaction in
            guard
                try await BillingStore(database: transaction).forgetCustomer(org: org.id, id: customer)
            else { return }
            let store = CheckoutStore(database: transaction)
            for checkout in try await store.open(org: org.id) { try await store.close(checkout.id) }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "billing.customer_gone", org: org.id, subject: org.slug,
                    before: ["customer": .string(customer)]), by: origin)
        }
        return nil
    }

    private func isKeyOver(_ account: BillingAccount) -> Bool {
        guard let asked = account.customerAskedAt else { return false }
        return Date().timeIntervalSince(asked) > StripeClient.keyLifetime / .seconds(1)
    }

    private func find(_ account: BillingAccount) async throws -> StripeCustomer? {
        guard let asked = account.customerAskedAt else { return nil }
        let since = asked.addingTimeInterval(-Self.lookBack)
        return try await stripe.findCustomer(
            metadata: Self.metadataName, account.orgID.text, since: since.wholeSeconds)
    }

    /// No person's address goes to Stripe from here: who pays gives theirs on the page.
    private func create(_ org: Org, _ attempt: Int) async throws -> StripeCustomer {
        try await stripe.createCustomer(
            name: org.slug, metadata: [Self.metadataName: org.id.text],
            idempotencyKey: "customer-\(org.id.text)-\(attempt)")
    }
}
