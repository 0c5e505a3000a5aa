/// Where an organisation stands in a month: what it was granted, used, and is charged for beyond. Credits are
/// whole; use is counted in thousandths, and rounded down once, over the whole month.
package struct CreditPosition: Sendable, Equatable {
    static let millicreditsPerCredit = 1_000

    /// By plans and by hand.
    package var granted: Int
    var usedMillicredits: Int
    /// Overage that is charged already, and stays so: credits granted afterwards are for use after that.
    package var settled: Int
    /// Overage at most; 0 for a plan without any. Nobody is charged beyond it.
    package var cap: Int

    package init(granted: Int = 0, usedMillicredits: Int = 0, settled: Int = 0, cap: Int = 0) {
        self.granted = granted
        self.usedMillicredits = usedMillicredits
        self.settled = settled
        self.cap = cap
    }

    package var used: Int { usedMillicredits / Self.millicreditsPerCredit }
    package var overage: Int { max(settled, min(cap, used - granted)) }
    package var balance: Int { max(0, granted + settled - used) }
    /// Until nothing more may be used.
    package var remaining: Int { balance + max(0, cap - overage) }
    /// Used, and neither granted nor charged: what was under way when the cap was reached.
    var uncharged: Int { max(0, used - granted - overage) }

    /// nil: credits are none of this organisation's business; its plan has none, and leaves the models to the
    /// tenant's own keys.
    package var state: CreditState? {
        guard granted > 0 || cap > 0 || settled > 0 else { return nil }
        if remaining == 0 { return .exhausted }
        if balance == 0 { return .overage }
        return reached(CreditAlert.Kind.grant80) ? .alert : .ok
    }

    /// What is used of the grant, or of the cap, has come to the alert's share.
    func reached(_ alert: CreditAlert.Kind) -> Bool {
        let (consumed, limit) = alert.isOfCap ? (overage, cap) : (max(0, granted - balance), granted)
        return limit > 0 && consumed * 100 >= limit * alert.percent
    }
}

/// What the tenant is told, as `MOLECULE_LLM_CREDITS_STATE`.
package enum CreditState: String, Sendable, Encodable, CaseIterable {
    case ok
    /// 80 % of the grant are used.
    case alert
    /// The grant is used up; what follows is charged.
    case overage
    /// Nothing is left, and no model is to be called.
    case exhausted
}
