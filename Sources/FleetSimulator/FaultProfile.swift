import ArgumentParser

/// How often what goes wrong, of the things that do go wrong.
struct FaultProfile: Sendable {
    enum Name: String, Sendable, CaseIterable, ExpressibleByArgument { case none, `default`, harsh }

    /// What can happen to one call.
    enum CallFault: String, Sendable, CaseIterable {
        /// It took effect, and the connection broke before the answer.
        case lostReply = "lost_reply"
        /// The connection broke before it arrived.
        case reset
        case error500 = "http_500"
        case error503 = "http_503"
        case throttle
        /// No answer within the caller's patience; it may have taken effect.
        case silence
        /// It took effect, and the answer is cut short.
        case malformed
    }

    /// Probability of each, for one call.
    var perCall: [CallFault: Double] = [:]
    /// Probability for one instance.
    var neverBoots = 0.0
    var failingStage = 0.0
    /// Between two SIGKILLs, and two SIGSTOPs, of one replica; nil: never.
    var meanTimeToKill: Duration?
    var meanTimeToPause: Duration?
    /// How long what was just created may stay hidden.
    var hidden: Duration = .zero

    init(_ name: Name) {
        switch name {
        case .none: break
        case .default:
            perCall = [
                .lostReply: 0.003, .reset: 0.003, .error500: 0.003, .error503: 0.003, .throttle: 0.000_5,
                .silence: 0.000_5, .malformed: 0.001,
            ]
            (neverBoots, failingStage) = (0.002, 0.003)
            (meanTimeToKill, meanTimeToPause) = (.seconds(600), .seconds(1_200))
            hidden = .seconds(3)
        case .harsh:
            perCall = [
                .lostReply: 0.02, .reset: 0.02, .error500: 0.02, .error503: 0.02, .throttle: 0.005,
                .silence: 0.005, .malformed: 0.01,
            ]
            (neverBoots, failingStage) = (0.02, 0.03)
            (meanTimeToKill, meanTimeToPause) = (.seconds(60), .seconds(120))
            // Longer than PROVIDER_VISIBILITY_SECONDS says.
            hidden = .seconds(20)
        }
    }

    /// Drawn for every call.
    func fault(_ dice: Dice) -> CallFault? {
        var share = dice.share()
        for fault in CallFault.allCases {
            share -= perCall[fault] ?? 0
            if share < 0 { return fault }
        }
        return nil
    }
}
