import FoundationEssentials
import Postgres
import Providers
import Workflows

/// Brings an organisation to what Stripe says now of its subscription.
///
/// An event only orders a look, whatever it says: so events may come late, twice, in any order or not at all.
/// The look fetches the present state, and one commit makes the organisation follow it. A look that was
/// ordered meanwhile is made as well before the workflow ends.
struct SyncSubscription: Sendable {
    static let kind = "sync_subscription"

    struct Input: Codable, Sendable {
        var orgID: UUID
    }

    let billing: BillingContext
    let input: Input

    /// Looks that one workflow makes; what was ordered after that begins another.
    static let maximumLooks = 20

    func run(_ context: WorkflowContext) async throws {
        var isLast = false
        for number in 1...Self.maximumLooks {
            let begun = try await begin(number, context)
            guard let request = begun.request else { return }
            let subscription = try await look(number, begun.customerID, context)
            let end = try await follow(number, subscription, request, isLast: isLast, context)
            switch end.next {
            case .nothing: return
            case .again: continue
            case .closeDoors:
                // Somebody may be paying at this moment: first nobody can any more, then it is looked again.
                try await closeDoors(number, endingSubscriptions: false, context)
                isLast = true
            case .endEverything:
                return try await closeDoors(number, endingSubscriptions: true, context)
            }
        }
    }

    private struct Beginning: Codable, Sendable {
        /// Up to which order this look counts; nil: there is no account.
        var request: Int?
        var customerID: String?
    }

    private func begin(_ number: Int, _ context: WorkflowContext) async throws -> Beginning {
        try await context.transaction("begin_\(number)") { transaction in
            let account = try await BillingStore(database: transaction).lock(org: input.orgID)
            return Beginning(request: account?.syncRequested, customerID: account?.customerID)
        }
    }

    private struct Seen: Codable, Sendable { var subscription: SubscriptionState? }

    /// Without a customer nobody can have paid.
    private func look(
        _ number: Int, _ customer: String?, _ context: WorkflowContext
    ) async throws -> SubscriptionState? {
        guard let customer else { return nil }
        guard let stripe = billing.stripe else { throw PermanentFailure.billingNotConfigured }
        return try await context.call(
            "look_\(number)",
            { _ in
                do {
                    let subscriptions = try await stripe.subscriptions(customer: customer)
                    let invoices = try await stripe.invoices(customer: customer)
                    return (Seen(subscription: SubscriptionState(of: subscriptions)), invoices)
                } catch let error as ProviderError where error.isMissingAtStripe {
                    return (Seen(), [])
                }
            },
            record: { _, invoices, transaction in
                try await InvoiceStore(database: transaction).record(invoices, org: input.orgID)
            }
        ).subscription
    }

    private func follow(
        _ number: Int, _ subscription: SubscriptionState?, _ request: Int, isLast: Bool,
        _ context: WorkflowContext
    ) async throws -> BillingChange.Outcome {
        try await context.transaction("follow_\(number)") { transaction in
            try await BillingChange(
                billing: billing, orgID: input.orgID,
                origin: .workflow(Self.kind, id: context.workflowID), transaction: transaction
            ).follow(subscription, through: request, isLast: isLast)
        }
    }

    private func closeDoors(
        _ number: Int, endingSubscriptions: Bool, _ context: WorkflowContext
    ) async throws {
        try await BillingClosure(billing: billing, orgID: input.orgID)
            .close(endingSubscriptions: endingSubscriptions, "close_\(number)", context)
    }
}

extension PermanentFailure {
    static let billingNotConfigured = PermanentFailure(
        code: "billing_not_configured", message: "STRIPE_SECRET_KEY is not set.")
}

/// Comparisons of one organisation's subscription with Stripe.
package struct SubscriptionSyncs: Sendable {
    package let billing: BillingContext

    package init(billing: BillingContext) {
        self.billing = billing
    }

    private var database: PostgresPool { billing.database }
    private var engine: WorkflowEngine { billing.engine }

    /// Orders a look at Stripe, and begins it unless one is under way, in the commit that justifies it.
    /// - Returns: whether the organisation has an account.
    @discardableResult
    package func requestSync(org: UUID, in transaction: Transaction) async throws -> Bool {
        guard try await BillingStore(database: transaction).requestSync(org: org) else { return false }
        try await beginSync(org: org, in: transaction)
        return true
    }

    /// The one that is under way looks again where it can; if it has just ended, the next sweep finds the
    /// order.
    func beginSync(org: UUID, in transaction: Transaction) async throws {
        do {
            try await engine.start(
                SyncSubscription.kind, subject: org.text, input: SyncSubscription.Input(orgID: org),
                in: transaction)
        } catch is WorkflowConflict {}
    }

    /// What has failed is tried again later, and its reason is shown meanwhile.
    func endSync(
        _ input: SyncSubscription.Input, _ failure: WorkflowFailure, _ transaction: Transaction
    ) async throws {
        try await BillingStore(database: transaction).recordFailure(
            org: input.orgID, "\(failure.code): \(failure.message)")
    }
}
