import FoundationEssentials

/// What the plans of an organisation grant it in one month.
///
/// A plan is worth its monthly credits times the share of the month's seconds in which it is in force. The
/// shares are added up as credits times seconds, and divided once, rounding down: however often the plan
/// changes, the month's total lies between what its lowest and its highest plan grant.
struct PlanGrants: Sendable, Equatable {
    /// One row of `credit_grants`: how far the month's total moves.
    struct Grant: Sendable, Equatable {
        /// Makes it once in its month.
        var key: String
        var kind: CreditGrant.Kind
        var plan: String
        /// Of the plan, for a whole month.
        var planCredits: Int
        var effectiveAt: Date
        /// Credits times seconds.
        var creditSeconds: Int
        var credits: Int
    }

    let month: Month
    /// The plan in force, its monthly credits, and since when.
    private(set) var plan: String
    private(set) var planCredits: Int
    private(set) var since: Date
    /// Of all grants by plans.
    private(set) var creditSeconds: Int
    private(set) var credits: Int
    private(set) var count: Int

    init(
        month: Month, plan: String, planCredits: Int, since: Date, creditSeconds: Int, credits: Int,
        count: Int
    ) {
        self.month = month
        self.plan = plan
        self.planCredits = planCredits
        self.since = since
        self.creditSeconds = creditSeconds
        self.credits = credits
        self.count = count
    }

    /// The month begins: the plan's credits, or their share where the organisation was created within it.
    static func opening(
        _ month: Month, plan: String, planCredits: Int, createdAt: Date
    ) -> (grants: PlanGrants, grant: Grant) {
        var grants = PlanGrants(
            month: month, plan: plan, planCredits: planCredits, since: max(month.start, createdAt),
            creditSeconds: 0, credits: 0, count: 0)
        let grant = grants.add(planCredits * month.remaining(after: createdAt), .monthly, "monthly")
        return (grants, grant)
    }

    /// The plan changes; for the rest of the month the other one counts.
    /// - Parameter date: not before the last change, nor outside of the month: then the nearest that is.
    /// - Returns: nil when the plan and its credits are what they were.
    mutating func change(to plan: String, planCredits: Int, at date: Date) -> Grant? {
        guard plan != self.plan || planCredits != self.planCredits else { return nil }
        let moment = min(max(date, since), month.end)
        let difference = (planCredits - self.planCredits) * month.remaining(after: moment)
        (self.plan, self.planCredits, since) = (plan, planCredits, moment)
        return add(difference, .proration, "plan-\(count)")
    }

    private mutating func add(_ difference: Int, _ kind: CreditGrant.Kind, _ key: String) -> Grant {
        let before = credits
        creditSeconds += difference
        credits = creditSeconds / month.seconds
        count += 1
        return Grant(
            key: key, kind: kind, plan: plan, planCredits: planCredits, effectiveAt: since,
            creditSeconds: difference, credits: credits - before)
    }
}
