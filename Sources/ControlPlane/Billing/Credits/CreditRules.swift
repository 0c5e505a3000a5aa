import Organisations

/// What plans are worth in credits. The one place in which credits read a plan.
package struct CreditRules: Sendable {
    package var plans: Plans
    /// Overage that is allowed where the customer has set no cap, as a share of the plan's monthly credits.
    package var capPercent: Int

    package static let capPercents = 0...1_000
    /// Of a cap, in credits.
    package static let maximumCap = Quotas.maximumTokens

    private func plan(_ name: String) -> OrgPlan { plans.orFree(name) }

    func monthlyCredits(of name: String) -> Int { plan(name).monthlyCredits }
    func hasOverage(_ name: String) -> Bool { plan(name).hasOverage }

    /// Overage at most in a month.
    /// - Parameter own: what the customer has set.
    package func cap(of name: String, own: Int?) -> Int {
        let plan = plan(name)
        guard plan.hasOverage else { return 0 }
        return own ?? plan.monthlyCredits * capPercent / 100
    }
}
