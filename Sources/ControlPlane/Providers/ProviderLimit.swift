/// How many calls a provider admits: a bucket of `capacity` tokens that gains `perSecond` of them.
package struct ProviderLimit: Sendable, Equatable {
    /// The bucket, shared by every replica: `<provider>/<region or token>/<API>`.
    package var name: String
    package var capacity: Double
    package var perSecond: Double

    /// Calls arrive with jitter and others use the same account: of the provider's capacity only this share
    /// is spent in a burst, and of its rate all but a fiftieth.
    static let burstShare = 0.4
    static let rateShare = 0.98

    package var burst: Double { max(1, (capacity * Self.burstShare).rounded(.down)) }
    /// Seconds between calls at the sustained rate.
    package var gap: Double { 1 / (perSecond * Self.rateShare) }
}

/// The limits of every API that the platform calls.
///
/// Sources: Amazon EC2 API Reference, "Request throttling"; AWS Systems Manager, KMS and ECR, "Quotas";
/// Cloudflare, "API rate limits"; Stripe, "Rate limits". An account whose limits were raised overrides them
/// by `PROVIDER_LIMITS`.
package struct ProviderLimits: Sendable {
    package struct Rate: Sendable, Codable, Equatable {
        package var capacity: Double
        package var perSecond: Double

        package init(capacity: Double, perSecond: Double) {
            self.capacity = capacity
            self.perSecond = perSecond
        }

        enum CodingKeys: String, CodingKey {
            case capacity
            case perSecond = "per_second"
        }
    }

    /// Keyed `<service>.<API or group>`.
    package static let published: [String: Rate] = [
        "ec2.RunInstances": Rate(capacity: 5, perSecond: 2),
        "ec2.StartInstances": Rate(capacity: 5, perSecond: 2),
        "ec2.TerminateInstances": Rate(capacity: 100, perSecond: 5),
        "ec2.Describe": Rate(capacity: 100, perSecond: 20),
        "ec2.Tags": Rate(capacity: 100, perSecond: 10),
        "ec2.Other": Rate(capacity: 50, perSecond: 5),
        "ssm.SendCommand": Rate(capacity: 10, perSecond: 5),
        "ssm.Other": Rate(capacity: 40, perSecond: 20),
        "kms.Other": Rate(capacity: 1_000, perSecond: 500),
        "ecr.Other": Rate(capacity: 500, perSecond: 500),
        // 1,200 in any 5 minutes, then a block: a small burst, and what is left of the window as the rate.
        "cloudflare.Any": Rate(capacity: 300, perSecond: 3.6),
        "stripe.Read": Rate(capacity: 100, perSecond: 100),
        "stripe.Write": Rate(capacity: 100, perSecond: 100),
        "stripe.TestRead": Rate(capacity: 25, perSecond: 25),
        "stripe.TestWrite": Rate(capacity: 25, perSecond: 25),
    ]

    package var overrides: [String: Rate] = [:]

    package init(overrides: [String: Rate] = [:]) {
        self.overrides = overrides
    }

    /// - Parameter scope: whom the provider counts: a region of the AWS account, or an API token's number.
    package func limit(of service: String, _ operation: String, scope: String) -> ProviderLimit {
        let group = Self.group(of: service, operation)
        let key = "\(service).\(group)"
        let rate = overrides[key] ?? Self.published[key] ?? Rate(capacity: 10, perSecond: 1)
        return ProviderLimit(
            name: "\(service)/\(scope)/\(group)", capacity: rate.capacity, perSecond: rate.perSecond)
    }

    private static func group(of service: String, _ operation: String) -> String {
        if service == "cloudflare" { return "Any" }
        if published["\(service).\(operation)"] != nil { return operation }
        guard service == "ec2" else { return "Other" }
        if operation.hasPrefix("Describe") || operation.hasPrefix("Get") { return "Describe" }
        return operation.hasSuffix("Tags") ? "Tags" : "Other"
    }
}
