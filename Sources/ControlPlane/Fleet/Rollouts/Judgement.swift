import TenantProtocol

/// What an observation says about an image: pure arithmetic on what the instance counted.
struct Judgement: Sendable, Equatable {
    var verdict: RolloutTenant.Verdict
    var code: String?
    var reason: String?

    /// Fewer requests than this say nothing.
    static let leastRequests = 20
    /// Errors may be so much more of all requests than in the hour before, in percent...
    static let errorMargin = 2.0
    /// ...and fewer errors than this are chance.
    static let leastErrors = 3
    /// The 95th percentile may grow to this many times what it was, and by this many milliseconds.
    static let slowdown = 2.0
    static let slowdownMilliseconds = 100

    private init(_ verdict: RolloutTenant.Verdict, _ code: String? = nil, _ reason: String? = nil) {
        (self.verdict, self.code, self.reason) = (verdict, code, reason)
    }

    static let unobserved = Judgement(
        .inconclusive, "no_observation", "The instance did not say how it fares.")

    /// - Parameters:
    ///   - digest: that is to run; nil: any.
    ///   - soakSeconds: 0: there was no time for traffic to compare.
    init(_ observation: HealthObservation, digest: String?, isHealthyThroughEdge: Bool, soakSeconds: Int) {
        if let digest, observation.digest != digest {
            self.init(.unhealthy, "other_image", "Another image runs now: \(observation.digest ?? "none").")
        } else if !observation.healthy {
            self.init(.unhealthy, "unhealthy", "A container of the stack is not healthy.")
        } else if observation.restarts > 0 {
            self.init(.unhealthy, "restarts", "Its container began anew \(observation.restarts) times.")
        } else if !isHealthyThroughEdge {
            self.init(.unhealthy, "unhealthy_through_edge", "It does not answer through the edge.")
        } else if soakSeconds == 0 {
            self.init(.healthy)
        } else {
            self = Self.traffic(observation)
        }
    }

    private static func traffic(_ observation: HealthObservation) -> Judgement {
        let since = observation.since?.requests ?? 0
        let before = observation.before?.requests ?? 0
        guard since >= leastRequests else {
            // Who has no visitors cannot disappoint them.
            guard before >= leastRequests else { return Judgement(.healthy) }
            return Judgement(
                .inconclusive, "too_little_traffic",
                "\(since) requests since then are too few to compare with \(before) in the hour before."
            )
        }
        return errors(observation) ?? slowness(observation) ?? Judgement(.healthy)
    }

    private static func errors(_ observation: HealthObservation) -> Judgement? {
        guard let since = observation.since else { return nil }
        let before = observation.before.map(share) ?? 0
        guard since.errors >= leastErrors, share(since) > before + errorMargin else { return nil }
        return Judgement(
            .unhealthy, "errors",
            "\(tenths(share(since))) % of its answers are errors, and \(tenths(before)) % were before."
        )
    }

    private static func slowness(_ observation: HealthObservation) -> Judgement? {
        guard let since = observation.since?.p95Milliseconds,
            let before = observation.before?.p95Milliseconds,
            (observation.before?.requests ?? 0) >= leastRequests,
            Double(since) > Double(before) * slowdown, since > before + slowdownMilliseconds
        else { return nil }
        return Judgement(
            .unhealthy, "slow", "Its 95th percentile is \(since) ms, after \(before) ms in the hour before.")
    }

    /// In percent.
    private static func share(_ traffic: HealthObservation.Traffic) -> Double {
        traffic.requests == 0 ? 0 : Double(traffic.errors) * 100 / Double(traffic.requests)
    }

    private static func tenths(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
