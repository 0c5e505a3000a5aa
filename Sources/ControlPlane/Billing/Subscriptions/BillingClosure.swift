import Fleet
import FoundationEssentials
import Postgres
import Providers
import Workflows

/// Ends what an organisation has at Stripe: pages on which somebody could still pay, and its subscriptions,
/// once its last overage is there. The customer stays there with its invoices, as the law wants them kept.
struct BillingClosure: Sendable {
    let billing: BillingContext
    let orgID: UUID

    /// Issued again, it does nothing more. Without a customer there is nothing to end.
    /// - Parameter name: of the step.
    func close(endingSubscriptions: Bool, _ name: String, _ context: WorkflowContext) async throws {
        let account = try await BillingStore(database: billing.database).find(org: orgID)
        guard let customer = account?.customerID else { return }
        guard let stripe = billing.stripe else { throw PermanentFailure.billingNotConfigured }
        if endingSubscriptions {
            try await FinalOverage(billing: billing, orgID: orgID)
                .report(to: customer, before: name, context)
        }
        try await context.step(name, retry: TearDownTenant.persistent) { _ in
            let checkouts = CheckoutStore(database: billing.database)
            for checkout in try await checkouts.open(org: orgID) {
                try await expire(checkout, customer, stripe)
            }
            guard endingSubscriptions else { return }
            for id in try await stripe.subscriptionsThatGoOn(customer: customer) {
                try await stripe.cancelSubscription(id: id)
            }
        }
    }

    private func expire(
        _ checkout: CheckoutRow, _ customer: String, _ stripe: StripeClient
    ) async throws {
        for session in try await sessions(of: checkout, customer, stripe) {
            try await stripe.expireCheckout(id: session)
        }
        try await CheckoutStore(database: billing.database).close(checkout.id)
    }

    /// One whose creation was never answered is created again under its key: then its id is known. Past the
    /// key's life the page has ended by itself. Where Stripe only repeats a failure, all that are open count.
    private func sessions(
        of checkout: CheckoutRow, _ customer: String, _ stripe: StripeClient
    ) async throws -> [String] {
        if let known = checkout.sessionID { return [known] }
        guard checkout.isKeyAlive, let form = try await form(of: checkout, customer, stripe) else {
            return []
        }
        do {
            return [try await stripe.createCheckout(form, idempotencyKey: checkout.idempotencyKey).id]
        } catch let error as ProviderError where error.isKeptUnderKey {
            return try await stripe.openCheckouts(customer: customer).map(\.id)
        } catch let error as ProviderError where error.isMissingAtStripe {
            return []
        }
    }

    private func form(
        of checkout: CheckoutRow, _ customer: String, _ stripe: StripeClient
    ) async throws -> StripeForm? {
        guard let plan = billing.settings.plans.named(checkout.plan) else { return nil }
        return try await checkout.form(customer: customer, plan: plan, stripe)
    }
}

extension StripeClient {
    /// Ids of a customer's that have not ended. A customer whom somebody has deleted at Stripe has none.
    func subscriptionsThatGoOn(customer: String) async throws -> [String] {
        do {
            return try await subscriptions(customer: customer).filter {
                SubscriptionState.Standing(status: $0.status) != .ended && $0.status != "incomplete_expired"
            }.map(\.id)
        } catch let error as ProviderError where error.isMissingAtStripe {
            return []
        }
    }
}
