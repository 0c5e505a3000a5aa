import TestSupport
import Testing

/// Stripe's own package against the Stripe endpoint, and what the endpoint signs against the package.
@Suite struct StripeTests {
    @Test(arguments: [
        "catalogue", "errors", "pages", "idempotency", "subscribing", "webhooks",
    ])
    func answersTheOfficialPackage(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_stripe.py", scenario) }
    }
}
