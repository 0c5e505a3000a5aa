import Billing
import Organisations

extension Variable {
    static let plans = Variable(
        name: "PLANS",
        meaning: "the plans on offer, JSON list of {name, cents, lookup_key?, workspaces?, monthly_credits?, "
            + "overage?, overage_lookup_key?, instance_type?, grace_days?}; unset: free, starter and pro",
        fallback: "")
    static let stripeAPIURL = Variable(
        name: "STRIPE_API_URL", meaning: "base of Stripe's API", fallback: "https://api.stripe.com")
    static let stripeSecretKey = Variable(
        name: "STRIPE_SECRET_KEY",
        meaning:
            "a restricted key of Stripe: customers, subscriptions, checkout and portal sessions to write, "
            + "prices and invoices to read; unset: nothing can be paid here", fallback: "", isSecret: true)
    static let stripeWebhookSecrets = Variable(
        name: "STRIPE_WEBHOOK_SECRETS",
        meaning: "with STRIPE_SECRET_KEY: signing secrets of the webhook endpoint, separated by commas, the "
            + "newest first; the one before stays beside it until Stripe has ended it", fallback: "",
        isSecret: true)
    static let awaitingPayment = Variable(
        name: "AWAITING_PAYMENT_SECONDS",
        meaning: "an organisation that is not paid for within this time is deleted", fallback: "259200")
    static let afterCancellation = Variable(
        name: "BILLING_AFTER_CANCELLATION",
        meaning: "when a subscription has ended: free (the organisation goes on on the free plan) or suspend",
        fallback: "free")
    static let billingReconcile = Variable(
        name: "BILLING_RECONCILE_SECONDS",
        meaning: "how often rows and Stripe's subscriptions are compared; 0: only when a person asks",
        fallback: "3600")

    static let billing = [
        plans, stripeAPIURL, stripeSecretKey, stripeWebhookSecrets, awaitingPayment, afterCancellation,
        billingReconcile,
    ]
}

extension BillingSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            plans: reader.plans(), stripe: reader.stripe(),
            awaitingPayment: reader.seconds(.awaitingPayment, in: 60...31_536_000),
            afterCancellation: reader.parse(.afterCancellation, expected: "free or suspend") {
                AfterCancellation(rawValue: $0)
            } ?? .free,
            reconcileInterval: reader.seconds(.billingReconcile, in: 0...86_400))
    }
}

extension EnvironmentReader {
    fileprivate mutating func plans() -> Plans {
        guard let json = optional(.plans) else { return .standard }
        do {
            return try Plans(json: json)
        } catch {
            note("PLANS: \((error as? Plans.Problem)?.text ?? "\(error)").")
            return .standard
        }
    }

    /// The most secrets that are compared with each webhook.
    private static let maximumSecrets = 5

    fileprivate mutating func stripe() -> BillingSettings.StripeSettings? {
        guard let secretKey = optional(.stripeSecretKey) else { return nil }
        let secrets = (optional(.stripeWebhookSecrets) ?? "").split(separator: ",")
            .map { String($0.trimmingPrefix(" ")) }.filter { !$0.isEmpty }
        if secrets.isEmpty {
            note("STRIPE_WEBHOOK_SECRETS is not set: \(Variable.stripeWebhookSecrets.meaning)")
        }
        if secrets.count > Self.maximumSecrets {
            note("STRIPE_WEBHOOK_SECRETS: more than \(Self.maximumSecrets) secrets.")
        }
        return .init(apiURL: url(.stripeAPIURL), secretKey: secretKey, webhookSecrets: secrets)
    }
}
