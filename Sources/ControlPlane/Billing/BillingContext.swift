import Fleet
import FoundationEssentials
import Logging
import Postgres
import Providers
import Workflows

/// What billing's operations and workflows work with.
package struct BillingContext: Sendable {
    package let fleet: FleetContext
    package let settings: BillingSettings
    package let credits: CreditSettings
    /// nil: nothing can be paid here.
    package let stripe: StripeClient?
    package let modelPrices: ModelPriceCache

    package var database: PostgresPool { fleet.database }
    package var engine: WorkflowEngine { fleet.engine }
    package var logger: Logger { fleet.logger }
    package var creditRules: CreditRules {
        CreditRules(plans: settings.plans, capPercent: credits.capPercent)
    }

    package func registerWorkflows() {
        engine.register(
            SyncSubscription.kind, input: SyncSubscription.Input.self,
            onFailure: { input, failure, transaction in
                try await SubscriptionSyncs(billing: self).endSync(input, failure, transaction)
            },
            run: { context, input in try await SyncSubscription(billing: self, input: input).run(context) })
    }
}

/// Billing's part in a teardown and in a new launch.
package struct SubscriptionBilling: TenantBilling {
    private let settings: BillingSettings
    private let credits: CreditSettings
    private let stripe: StripeClient?
    private let modelPrices: ModelPriceCache

    package init(
        settings: BillingSettings, credits: CreditSettings, stripe: StripeClient?,
        modelPrices: ModelPriceCache
    ) {
        self.settings = settings
        self.credits = credits
        self.stripe = stripe
        self.modelPrices = modelPrices
    }

    package func context(_ fleet: FleetContext) -> BillingContext {
        BillingContext(
            fleet: fleet, settings: settings, credits: credits, stripe: stripe, modelPrices: modelPrices)
    }

    package func end(
        org: UUID, step: String, _ context: WorkflowContext, _ fleet: FleetContext
    ) async throws {
        try await BillingClosure(billing: self.context(fleet), orgID: org)
            .close(endingSubscriptions: true, step, context)
    }

    package func forget(org: UUID, in transaction: Transaction) async throws {
        try await BillingStore(database: transaction).forget(org: org)
    }

    package func sync(org: UUID, _ fleet: FleetContext, in transaction: Transaction) async throws {
        try await SubscriptionSyncs(billing: context(fleet)).requestSync(org: org, in: transaction)
    }
}
