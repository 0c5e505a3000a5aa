import FoundationEssentials

/// A row of `credit_grants`: credits given, or taken back, once.
package struct CreditGrant: Sendable {
    package enum Kind: String, Sendable, CaseIterable, Encodable {
        /// The month's, by the plan.
        case monthly
        /// The plan has changed.
        case proration
        /// By hand.
        case adjustment
    }
}
