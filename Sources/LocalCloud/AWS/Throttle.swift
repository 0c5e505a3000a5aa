import Synchronization

/// A token bucket: `capacity` requests at once, `refill` a second in the long run.
struct TokenBucket: Sendable {
    let capacity: Double
    let refill: Double
    private var level: Double
    private var updated: ContinuousClock.Instant

    init(capacity: Double, refill: Double) {
        self.capacity = capacity
        self.refill = refill
        level = capacity
        updated = .now
    }

    mutating func take(_ amount: Double = 1, at now: ContinuousClock.Instant = .now) -> Bool {
        let elapsed = updated.duration(to: now) / .seconds(1)
        level = min(capacity, level + elapsed * refill)
        updated = now
        guard level >= amount else { return false }
        level -= amount
        return true
    }
}

/// The request limits, per account and region, and EC2's resource limits.
/// Sources: EC2 API reference, "Request throttling for the Amazon EC2 API"; KMS developer guide, "Request
/// quotas" (shared by the symmetric operations, the smaller regions' value); ECR user guide, "Service
/// quotas". Systems Manager publishes none: these are cautious.
final class Throttle: Sendable {
    private let buckets: Mutex<[String: TokenBucket]>
    private let enabled: Bool

    init(enabled: Bool) {
        self.enabled = enabled
        buckets = Mutex([
            "RunInstances": TokenBucket(capacity: 5, refill: 2),
            "RunInstances:resources": TokenBucket(capacity: 1000, refill: 2),
            "StartInstances": TokenBucket(capacity: 5, refill: 2),
            "TerminateInstances": TokenBucket(capacity: 100, refill: 5),
            "TerminateInstances:resources": TokenBucket(capacity: 1000, refill: 20),
            "CreateTags": TokenBucket(capacity: 100, refill: 10),
            "CreateSnapshot": TokenBucket(capacity: 100, refill: 5),
            "DeleteSnapshot": TokenBucket(capacity: 100, refill: 5),
            "DeleteVolume": TokenBucket(capacity: 100, refill: 5),
            "Describe": TokenBucket(capacity: 100, refill: 20),
            "DescribeUnfiltered": TokenBucket(capacity: 50, refill: 10),
            "Mutating": TokenBucket(capacity: 50, refill: 5),
            "ssm:SendCommand": TokenBucket(capacity: 10, refill: 5),
            "ssm": TokenBucket(capacity: 40, refill: 20),
            "kms": TokenBucket(capacity: 5500, refill: 5500),
            "ecr": TokenBucket(capacity: 500, refill: 500),
        ])
    }

    /// Takes what an EC2 call costs, or throws `RequestLimitExceeded`.
    func admit(_ action: String, _ parameters: QueryParameters) throws {
        guard enabled else { return }
        let taken = buckets.withLock { buckets in
            buckets[Self.bucket(action, parameters, known: buckets), default: .init(capacity: 1, refill: 1)]
                .take()
        }
        guard taken else { throw AWSError.requestLimitExceeded }
    }

    /// Takes one request of a service that speaks JSON, or throws `ThrottlingException`.
    func admit(_ service: String, operation: String) throws(AWSError) {
        guard enabled else { return }
        let taken = buckets.withLock { buckets in
            let own = "\(service):\(operation)"
            return buckets[buckets[own] == nil ? service : own]?.take() ?? true
        }
        guard taken else { throw AWSError.throttling }
    }

    /// Takes `count` resource tokens of the action, or throws.
    func admitResources(_ action: String, count: Int) throws {
        guard enabled else { return }
        let key = action + ":resources"
        let taken = buckets.withLock { $0[key]?.take(Double(count)) ?? true }
        guard taken else { throw AWSError.requestLimitExceeded }
    }

    private static func bucket(
        _ action: String, _ parameters: QueryParameters, known: [String: TokenBucket]
    ) -> String {
        if known[action] != nil { return action }
        guard action.hasPrefix("Describe") || action.hasPrefix("Get") else { return "Mutating" }
        let narrowed = parameters.values.keys.contains {
            $0.hasPrefix("Filter.") || $0.hasPrefix("InstanceId.") || $0 == "MaxResults" || $0 == "InstanceId"
        }
        return narrowed ? "Describe" : "DescribeUnfiltered"
    }
}
