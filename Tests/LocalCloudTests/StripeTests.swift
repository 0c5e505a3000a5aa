import TestSupport
import Testing

/// Stripe's own package against the Stripe endpoint, and what the endpoint signs against the package.
@Suite struct StripeTests {
    @Test(arguments: [
        "catalogue", "errors", "pages", "idempotency", "subscribing", "webhooks", "renewals", "prorations",
        "dunning", "paused", "meters", "portal",
    ])
    func answersTheOfficialPackage(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_stripe.py", scenario) }
    }

    @Test func eventsReachThePlatformBehindTheFront() async throws {
        let port = String(try freePort())
        let path = SimulatedCloud.webhookPath
        try await RunningCloud.with("--control-plane", "127.0.0.1:\(port)", "--stripe-webhook", path) {
            try await $0.judge("localcloud_stripe.py", "front", port)
        }
    }

    @Test func theRestrictedKeyMayWhatIsAllowedAndNothingElse() async throws {
        let file = "\(packageRoot)/deploy/stripe-restricted-key.json"
        try await RunningCloud.with("--stripe-permissions", file) {
            try await $0.judge("localcloud_stripe.py", "restricted")
        }
    }
}
