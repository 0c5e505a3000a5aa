import FoundationEssentials
import Providers

/// Which organisations stand otherwise at Stripe than in our rows: no I/O.
struct SubscriptionComparison: Sendable {
    /// By customer, what our rows say.
    struct Known: Sendable {
        var orgID: UUID
        var subscriptionID: String?
        var status: String?
        var lookupKey: String?
        var periodEnd: Date?
        var endsAt: Date?
    }

    private let known: [String: Known]
    private var shown: Set<String> = []
    private(set) var differing: Set<UUID> = []
    /// Ids of subscriptions of customers that no row names.
    private(set) var strangers: [String] = []
    private(set) var count = 0

    init(known: [String: Known]) { self.known = known }

    /// A page of those that have not ended.
    mutating func add(_ page: [StripeSubscription]) {
        for subscription in page { add(subscription) }
    }

    private mutating func add(_ subscription: StripeSubscription) {
        count += 1
        guard let row = known[subscription.customer.id] else {
            strangers.append(subscription.id)
            return
        }
        guard let state = SubscriptionState(of: [subscription]) else { return }
        if row.subscriptionID == subscription.id {
            shown.insert(subscription.customer.id)
            let isSame =
                row.status == state.status && row.periodEnd == state.periodEnd && row.endsAt == state.endsAt
                && (row.lookupKey == nil || state.lookupKeys.contains(row.lookupKey ?? ""))
            if !isSame { differing.insert(row.orgID) }
        } else if state.standing >= .failing {
            differing.insert(row.orgID)
        }
    }

    /// What our rows say goes on, and was on no page, has ended since.
    mutating func finish() {
        for (customer, row) in known where !shown.contains(customer) {
            guard let status = row.status else { continue }
            if SubscriptionState.Standing(status: status) >= .failing { differing.insert(row.orgID) }
        }
    }
}
