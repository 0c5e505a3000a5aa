import Foundation

/// How fast tenants get through, as it was seen within the last minutes of a wave. Soaks do not count: what
/// waits on purpose is not slow.
struct RolloutProgress {
    /// What is older says nothing about now, in seconds.
    static let window: TimeInterval = 120
    /// Less time gives no rate, in seconds.
    static let shortest: TimeInterval = 5

    private var samples: [(at: Date, settled: Int)] = []

    mutating func see(_ rollout: Rollout, at now: Date) {
        guard ["redeploying", "rolling_back"].contains(rollout.stage) else {
            samples = []
            return
        }
        let settled = rollout.settled
        // It has turned round: what went forward says nothing about the way back.
        if let last = samples.last, last.settled > settled { samples = [] }
        samples.append((now, settled))
        samples.removeAll { now.timeIntervalSince($0.at) > Self.window }
    }

    /// Tenants a minute; nil when nothing moves.
    var perMinute: Double? {
        guard let first = samples.first, let last = samples.last else { return nil }
        let elapsed = last.at.timeIntervalSince(first.at)
        let count = last.settled - first.settled
        return elapsed >= Self.shortest && count > 0 ? Double(count) * 60 / elapsed : nil
    }
}

extension Rollout {
    /// Tenants that have reached an end, of the way that it goes now.
    fileprivate var settled: Int {
        state == "rolling_back" ? count([.rolledBack]) : count([.updated, .failed, .rolledBack])
    }
}
