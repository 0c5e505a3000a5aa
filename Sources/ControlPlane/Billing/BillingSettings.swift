import Organisations

/// What concerns money.
package struct BillingSettings: Sendable {
    /// What becomes of an organisation whose subscription has ended.
    package enum AfterCancellation: String, Sendable, Equatable { case free, suspend }

    package struct StripeSettings: Sendable {
        package var apiURL: String
        package var secretKey: String
        /// At least one.
        package var webhookSecrets: [String]

        package init(apiURL: String, secretKey: String, webhookSecrets: [String]) {
            self.apiURL = apiURL
            self.secretKey = secretKey
            self.webhookSecrets = webhookSecrets
        }
    }

    package var plans: Plans
    /// nil: nothing can be paid here.
    package var stripe: StripeSettings?
    package var awaitingPayment: Duration
    package var afterCancellation: AfterCancellation
    /// Zero: only when a person asks.
    package var reconcileInterval: Duration

    package init(
        plans: Plans, stripe: StripeSettings? = nil, awaitingPayment: Duration,
        afterCancellation: AfterCancellation, reconcileInterval: Duration
    ) {
        self.plans = plans
        self.stripe = stripe
        self.awaitingPayment = awaitingPayment
        self.afterCancellation = afterCancellation
        self.reconcileInterval = reconcileInterval
    }
}
