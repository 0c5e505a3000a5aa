import FoundationEssentials
import Logging
import Organisations
import Postgres
import Providers
import ServiceLifecycle

/// Finds what no event has told: looks that are due, and subscriptions that stand otherwise at Stripe than in
/// our rows. It begins looks, and changes nothing itself. It takes no input: timers and a person's order
/// activate it.
package struct BillingReconciler: Service {
    package let billing: BillingContext

    package init(billing: BillingContext) {
        self.billing = billing
    }

    /// Between two sweeps for looks that are due: what an event could wait when its look had just ended.
    static let sweepPause: Duration = .seconds(3)
    static let sweepSize = 200
    /// A comparison's claim, renewed with each page.
    package static let lease: Duration = .seconds(120)

    package enum Activation: Sendable, Equatable { case timer, person }

    private var store: ComparisonStore { ComparisonStore(database: billing.database) }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await repeating("sweep", every: Self.sweepPause) { try await sweep() } }
                let interval = billing.settings.reconcileInterval
                guard interval > .zero, billing.stripe != nil else { return }
                // The due time stands in the database: replicas that all look often run it once an interval.
                group.addTask {
                    await repeating("comparison", every: min(interval, .seconds(60))) {
                        _ = try await perform(.timer)
                    }
                }
            }
        }
    }

    private func repeating(
        _ name: String, every pause: Duration, _ body: @Sendable () async throws -> Void
    ) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            if Task.isCancelled { return }
            do {
                try await body()
            } catch {
                billing.logger.error("billing \(name) failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Every replica may do it: of two that begin the same look one finds it begun.
    package func sweep() async throws {
        let due = try await BillingStore(database: billing.database).due(limit: Self.sweepSize)
        guard !due.isEmpty else { return }
        let round = try await round()
        for org in due {
            try await round.attempt("a look at \(org.text)", org: org) {
                try await billing.database.transaction {
                    try await SubscriptionSyncs(billing: billing).beginSync(org: org, in: $0)
                }
            }
        }
    }

    private func round() async throws -> PeriodicRound {
        try await PeriodicRound(.billingReconciler, billing.database, billing.logger)
    }

    /// - Returns: nil when it is not due, or one is under way.
    @discardableResult
    package func perform(_ activation: Activation) async throws -> BillingComparison? {
        guard let stripe = billing.stripe else { return nil }
        let interval = activation == .timer ? billing.settings.reconcileInterval : .zero
        guard let id = try await store.begin(after: interval, lease: Self.lease) else { return nil }
        do {
            let round = try await round()
            let comparison = try await compare(id, stripe, round)
            try await order(comparison, round)
            try await round.attempt("events that are over") {
                try await BillingEvents.forgetOld(billing.database)
            }
            return try await store.finish(id, comparison, failure: nil)
        } catch {
            let reason = (error as? ProviderError)?.description ?? "\(type(of: error))"
            _ = try? await store.finish(id, nil, failure: reason)
            throw error
        }
    }

    /// The comparison takes a subscription that cannot be read for a missing one: its organisation is synced,
    /// and the sync reports what is wrong.
    private func compare(
        _ id: UUID, _ stripe: StripeClient, _ round: PeriodicRound
    ) async throws -> SubscriptionComparison {
        var comparison = SubscriptionComparison(known: try await store.known())
        var last: String?
        repeat {
            let page = try await stripe.livingSubscriptions(after: last)
            comparison.add(page.read)
            for unreadable in page.unreadable {
                try await round.failed("subscription \(unreadable.id ?? "without an id")", unreadable.error)
            }
            last = page.hasMore ? page.lastID : nil
            try await store.renew(id, lease: Self.lease)
        } while last != nil
        comparison.finish()
        return comparison
    }

    private func order(_ comparison: SubscriptionComparison, _ round: PeriodicRound) async throws {
        for org in comparison.differing.sorted(by: { $0.text < $1.text }) {
            try await round.attempt("ordering a look at \(org.text)", org: org) {
                _ = try await billing.database.transaction {
                    try await SubscriptionSyncs(billing: billing).requestSync(org: org, in: $0)
                }
            }
        }
        guard !comparison.differing.isEmpty || !comparison.strangers.isEmpty else { return }
        billing.logger.warning(
            "rows and Stripe's subscriptions differ",
            metadata: [
                "differing": "\(comparison.differing.count)",
                "strangers": "\(comparison.strangers.prefix(5).joined(separator: " "))",
            ])
    }
}
