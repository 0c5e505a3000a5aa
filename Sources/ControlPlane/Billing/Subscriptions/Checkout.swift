import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers

/// Opens the page on which an organisation's first payment is made.
package struct Checkout: Sendable {
    package let billing: BillingContext
    package let stripe: StripeClient

    package init(billing: BillingContext, stripe: StripeClient) {
        self.billing = billing
        self.stripe = stripe
    }

    package struct Order: Sendable {
        package var org: Org
        package var plan: OrgPlan
        package var successURL: String
        package var cancelURL: String

        package init(org: Org, plan: OrgPlan, successURL: String, cancelURL: String) {
            self.org = org
            self.plan = plan
            self.successURL = successURL
            self.cancelURL = cancelURL
        }
    }

    /// At most one page is open for an organisation, so that nobody pays twice: asked for again, the same is
    /// shown, and one for another plan ends it.
    package func open(_ order: Order, by origin: RequestOrigin) async throws -> StripeCheckoutSession {
        let customers = BillingCustomers(billing: billing, stripe: stripe)
        for _ in 0..<Self.maximumAttempts {
            let customer = try await customers.require(order.org)
            let session = try await customers.using(customer, of: order.org, by: origin) {
                try await open(order, customer, by: origin)
            }
            if let session { return session }
        }
        throw Self.stripeFailing
    }

    private func open(
        _ order: Order, _ customer: String, by origin: RequestOrigin
    ) async throws -> StripeCheckoutSession {
        try await requireUnsubscribed(order.org, customer)
        let store = CheckoutStore(database: billing.database)
        for checkout in try await store.open(org: order.org.id) {
            if let session = try await reuse(checkout, for: order, customer) { return session }
        }
        for _ in 0..<Self.maximumAttempts {
            let made = try await intend(order, by: origin)
            if let session = try await create(made, order.plan, customer) { return session }
        }
        throw Self.stripeFailing
    }

    private static let stripeFailing = AppError(
        .notReady, "stripe_failing", "Stripe could not open the page. Ask again.", retryAfter: 5)

    /// Pages that one request asks Stripe for, each under a key of its own, while Stripe answers 500.
    private static let maximumAttempts = 2

    /// The row is the intent, and its id the key.
    private func intend(_ order: Order, by origin: RequestOrigin) async throws -> CheckoutRow {
        let made = try await billing.database.transaction { transaction in
            let row = try await CheckoutStore(database: transaction).insert(
                org: order.org.id, plan: order.plan, successURL: order.successURL,
                cancelURL: order.cancelURL)
            if row != nil {
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "billing.checkout_opened", org: order.org.id, subject: order.org.slug,
                        after: ["plan": .string(order.plan.name)]), by: origin)
            }
            return row
        }
        guard let made else {
            throw AppError(
                .conflict, "checkout_in_progress", "Another page was opened just now. Ask again.",
                retryAfter: 1)
        }
        return made
    }

    /// What Stripe says now, not what was last seen: a payment may be minutes old.
    private func requireUnsubscribed(_ org: Org, _ customer: String) async throws {
        let state = SubscriptionState(of: try await stripe.subscriptions(customer: customer))
        guard let state, state.standing >= .failing else { return }
        _ = try await billing.database.transaction { transaction in
            try await SubscriptionSyncs(billing: billing).requestSync(org: org.id, in: transaction)
        }
        throw AppError(
            .conflict, "already_subscribed",
            "It has a subscription (\(state.status)). Change or pay it on the billing page.")
    }

    /// - Returns: nil when the page is over, or for something else, and ended now.
    private func reuse(
        _ checkout: CheckoutRow, for order: Order, _ customer: String
    ) async throws -> StripeCheckoutSession? {
        let store = CheckoutStore(database: billing.database)
        guard let session = try await session(of: checkout, customer) else {
            try await store.close(checkout.id)
            return nil
        }
        let isSame =
            checkout.plan == order.plan.name && checkout.successURL == order.successURL
            && checkout.cancelURL == order.cancelURL
        if isSame, session.status == "open", try await stripe.hasCustomer(id: customer) { return session }
        if session.status == "open" {
            try await stripe.expireCheckout(id: session.id)
            // It may have been paid at that moment.
            try await requireUnsubscribed(order.org, customer)
        }
        try await store.close(checkout.id)
        return nil
    }

    /// One whose answer was lost is asked for again as it was.
    private func session(of checkout: CheckoutRow, _ customer: String) async throws -> StripeCheckoutSession?
    {
        if let id = checkout.sessionID {
            do {
                return try await stripe.checkout(id: id)
            } catch let error as ProviderError where error.isMissingAtStripe {
                return nil
            }
        }
        guard checkout.isKeyAlive, let plan = billing.settings.plans.named(checkout.plan)
        else { return nil }
        return try await create(checkout, plan, customer)
    }

    /// What Stripe refuses for good leaves no page open. Nor does a failure that Stripe would repeat under
    /// the row's key: a page that came of it all the same has nobody's address, and ends.
    /// - Returns: nil after such a failure.
    private func create(
        _ checkout: CheckoutRow, _ plan: OrgPlan, _ customer: String
    ) async throws -> StripeCheckoutSession? {
        let store = CheckoutStore(database: billing.database)
        do {
            let form = try await checkout.form(customer: customer, plan: plan, stripe)
            let session = try await stripe.createCheckout(form, idempotencyKey: checkout.idempotencyKey)
            try await store.record(checkout.id, session)
            return session
        } catch let error as ProviderError where error.isKeptUnderKey {
            for session in try await stripe.openCheckouts(customer: customer) {
                try await stripe.expireCheckout(id: session.id)
            }
            try await store.close(checkout.id)
            return nil
        } catch let error as ProviderError where !error.isRetryable {
            try await store.close(checkout.id)
            throw error
        } catch let error as AppError where error.kind == .unprocessable {
            try await store.close(checkout.id)
            throw error
        }
    }
}
