import FoundationEssentials

/// What follows from Stripe's sum for what was reported: pure, so that every case can be tried.
struct OverageComparison: Sendable, Equatable {
    enum Conclusion: Sendable, Equatable {
        /// All that Stripe answered for is there; what was not known is too, or nothing was unknown.
        case complete
        /// All that Stripe answered for is there, and what was not known is not.
        case withoutUnknown
        /// Neither: Stripe may not have counted all yet, or something was lost, or told by somebody else.
        case differs
    }

    /// Stripe answered that it has these, in credits.
    var answered: Int
    /// An outcome that is not known: at most one report of an organisation.
    var unknown: Int
    /// Stripe's sum.
    var counted: Int

    init(_ reports: [OverageReport], counted: Int) {
        func sum(_ isMeant: (OverageReport.State) -> Bool) -> Int {
            reports.filter { isMeant($0.state) }.map(\.credits).reduce(0, +)
        }
        answered = sum { !$0.isOpen }
        unknown = sum { $0 == .unknown }
        self.counted = counted
    }

    var conclusion: Conclusion {
        if counted == answered + unknown { return .complete }
        return counted == answered ? .withoutUnknown : .differs
    }
}
