import FoundationEssentials
import Organisations

/// What follows for an organisation from what Stripe says of it: no clock, no database, no I/O.
package struct BillingRules: Sendable {
    package var plans: Plans
    package var afterCancellation: BillingSettings.AfterCancellation
    package var awaitingPayment: TimeInterval

    /// What there is before.
    package struct Facts: Sendable {
        package var status: Org.Status
        package var plan: String
        var suspendedBy: Suspension.Author?
        package var graceEndsAt: Date?
        package var account: BillingAccount

        package init(
            status: Org.Status, plan: String, suspendedBy: Suspension.Author? = nil, graceEndsAt: Date? = nil,
            account: BillingAccount
        ) {
            self.status = status
            self.plan = plan
            self.suspendedBy = suspendedBy
            self.graceEndsAt = graceEndsAt
            self.account = account
        }
    }

    package enum Deed: Sendable, Equatable {
        case nothing
        case provision
        case suspend(reason: String)
        case resume
        /// Nobody has paid in time: it is deleted.
        case expire
    }

    package struct Verdict: Sendable, Equatable {
        package var status: BillingStatus
        package var graceEndsAt: Date?
        package var plan: String
        var deed: Deed
        package var notices: [Dunning.Notice] = []
        package var account: BillingAccount

        package init(
            status: BillingStatus, graceEndsAt: Date? = nil, plan: String, deed: Deed,
            notices: [Dunning.Notice] = [], account: BillingAccount
        ) {
            self.status = status
            self.graceEndsAt = graceEndsAt
            self.plan = plan
            self.deed = deed
            self.notices = notices
            self.account = account
        }
    }

    /// How long until what cannot be done now is tried again.
    static let retryPause: TimeInterval = 60

    /// - Parameter subscription: nil where the customer has none.
    package func verdict(_ facts: Facts, _ subscription: SubscriptionState?, now: Date) -> Verdict {
        var account = facts.account
        // One that is not shown any more has ended, with its customer.
        let isGone = subscription == nil && account.subscriptionID != nil
        if let subscription {
            account.subscriptionID = subscription.id
            account.subscriptionStatus = subscription.status
            account.lookupKey = subscription.lookupKeys.first { plans.sold(under: $0) != nil }
        } else if isGone {
            account.subscriptionStatus = "canceled"
        }
        account.periodEnd = subscription?.periodEnd
        account.endsAt = subscription?.endsAt
        account.surplus = subscription?.surplus ?? 0
        account.problem = nil
        account.nextLookAt = nil
        var verdict = Verdict(status: .none, plan: facts.plan, deed: .nothing, account: account)
        switch isGone ? .ended : subscription?.standing ?? .pending {
        case .pending: pend(&verdict, facts, now)
        case .paid: pay(&verdict, facts, subscription)
        case .failing: fail(&verdict, facts, now)
        case .ended: end(&verdict, facts, now)
        }
        return verdict
    }

    private func pend(_ verdict: inout Verdict, _ facts: Facts, _ now: Date) {
        verdict.account.failingSince = nil
        waitForPayment(&verdict, facts, now)
    }

    /// An organisation that was never paid for waits for some time, and goes then.
    private func waitForPayment(_ verdict: inout Verdict, _ facts: Facts, _ now: Date) {
        guard facts.status == .awaitingPayment else { return }
        let due = facts.account.createdAt.addingTimeInterval(awaitingPayment)
        if now >= due { verdict.deed = .expire } else { verdict.account.nextLookAt = due }
    }

    private func pay(_ verdict: inout Verdict, _ facts: Facts, _ subscription: SubscriptionState?) {
        verdict.status = .active
        verdict.account.failingSince = nil
        if let plan = verdict.account.lookupKey.flatMap(plans.sold(under:)) {
            verdict.plan = plan.name
        } else {
            let keys = subscription?.lookupKeys.joined(separator: ", ") ?? ""
            verdict.account.problem = "No plan is sold under a price of the subscription (\(keys))."
        }
        if facts.status == .awaitingPayment { verdict.deed = .provision }
        if facts.suspendedBy == .billing {
            verdict.deed = .resume
            if facts.account.failingSince != nil { verdict.notices = [.resumed] }
        }
    }

    /// The plan stays as it was last paid for. A grace that has begun keeps its end, unless an operator
    /// moves it.
    private func fail(_ verdict: inout Verdict, _ facts: Facts, _ now: Date) {
        let since = facts.account.failingSince ?? now
        let isNew = facts.account.failingSince == nil
        let days = plans.orFree(facts.plan).graceDays
        let end = (isNew ? nil : facts.graceEndsAt) ?? Dunning.graceEnd(failingSince: since, graceDays: days)
        verdict.account.failingSince = since
        verdict.graceEndsAt = end
        verdict.notices = Dunning.due(failingSince: since, graceEndsAt: end, now: now)
        guard now >= end else {
            verdict.status = .pastDue
            verdict.account.nextLookAt = Dunning.next(failingSince: since, graceEndsAt: end, now: now)
            return
        }
        verdict.status = .unpaid
        suspend(&verdict, facts, "a payment failed", now)
        if facts.status != .provisioning { verdict.notices.append(.suspended) }
    }

    private func end(_ verdict: inout Verdict, _ facts: Facts, _ now: Date) {
        verdict.status = .canceled
        verdict.account.failingSince = nil
        if facts.account.subscriptionStatus != "canceled" { verdict.notices = [.canceled] }
        if facts.status == .awaitingPayment { return waitForPayment(&verdict, facts, now) }
        switch afterCancellation {
        case .free:
            verdict.plan = OrgPlan.free.name
            if facts.suspendedBy == .billing { verdict.deed = .resume }
        case .suspend: suspend(&verdict, facts, "the subscription has ended", now)
        }
    }

    /// What is being provisioned is suspended once it runs; what stands still already stays as it is.
    private func suspend(_ verdict: inout Verdict, _ facts: Facts, _ reason: String, _ now: Date) {
        switch facts.status {
        case .running, .failed: verdict.deed = .suspend(reason: reason)
        case .provisioning: verdict.account.nextLookAt = now.addingTimeInterval(Self.retryPause)
        default: break
        }
    }
}
