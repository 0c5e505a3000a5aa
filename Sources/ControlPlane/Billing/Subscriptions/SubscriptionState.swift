import FoundationEssentials
import Providers

/// The one of a customer's subscriptions that counts, as Stripe shows it now.
package struct SubscriptionState: Sendable, Equatable, Codable {
    /// What a status means for the organisation. Source: Stripe, "How subscriptions work".
    enum Standing: Int, Sendable, Codable, Comparable {
        /// Nothing was ever paid: the first payment is under way, or never came.
        case pending
        case ended
        /// It goes on, and is not paid.
        case failing
        case paid

        init(status: String) {
            switch status {
            case "active", "trialing": self = .paid
            case "past_due", "unpaid", "paused": self = .failing
            case "canceled": self = .ended
            // `incomplete`, `incomplete_expired`, and what a later version may say: nothing follows from it.
            default: self = .pending
            }
        }

        static func < (one: Standing, other: Standing) -> Bool { one.rawValue < other.rawValue }
    }

    package var id: String
    /// In Stripe's words.
    package var status: String
    var standing: Standing
    /// Of the prices of its items that have one.
    var lookupKeys: [String]
    var periodEnd: Date?
    /// When it ends, as somebody has ordered; of one that has ended: when it did.
    package var endsAt: Date?
    /// Further ones that have not ended.
    package var surplus: Int
}

extension SubscriptionState {
    /// Of several, the one that counts is paid before failing, failing before ended, and then the oldest that
    /// goes on, or the newest that has ended: a second one that somebody bought by mistake changes nothing.
    /// - Returns: nil where there is none.
    package init?(of subscriptions: [StripeSubscription]) {
        let ranked = subscriptions.map { (standing: Standing(status: $0.status), subscription: $0) }
        let chosen = ranked.max { one, other in
            if one.standing != other.standing { return one.standing < other.standing }
            if one.subscription.created != other.subscription.created {
                let isNewer = one.subscription.created > other.subscription.created
                return one.standing >= .failing ? isNewer : !isNewer
            }
            return one.subscription.id > other.subscription.id
        }
        guard let (standing, subscription) = chosen else { return nil }
        id = subscription.id
        status = subscription.status
        self.standing = standing
        lookupKeys = subscription.items.data.compactMap(\.price.lookupKey).sorted()
        periodEnd = subscription.items.data.compactMap(\.currentPeriodEnd).max()
            .map { Date(timeIntervalSince1970: Double($0)) }
        endsAt = Self.end(of: subscription, standing, periodEnd)
        surplus = ranked.count { $0.standing >= .failing && $0.subscription.id != subscription.id }
    }
    private static func end(
        of subscription: StripeSubscription, _ standing: Standing, _ periodEnd: Date?
    ) -> Date? {
        func date(_ seconds: Int?) -> Date? { seconds.map { Date(timeIntervalSince1970: Double($0)) } }
        guard standing >= .failing else { return standing == .ended ? date(subscription.endedAt) : nil }
        return date(subscription.cancelAt) ?? (subscription.cancelAtPeriodEnd ? periodEnd : nil)
    }
}
