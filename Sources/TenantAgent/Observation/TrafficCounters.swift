import Arithmetic

/// What molecule-tenant's `/metrics` has counted since its process started.
struct TrafficCounters: Codable, Equatable, Sendable {
    var requests = 0
    /// Of these, answered with 5xx.
    var errors = 0
    /// By ascending bound.
    var buckets: [Bucket] = []

    struct Bucket: Codable, Equatable, Sendable {
        /// In seconds; nil for the last one, which has no bound.
        var upTo: Double?
        /// Requests that took no longer.
        var count: Int

        enum CodingKeys: String, CodingKey {
            case count
            case upTo = "up_to"
        }
    }

    private static let responses = "molecule_tenant_http_responses_total"
    private static let durations = "molecule_tenant_http_duration_seconds"

    init() {}

    /// nil for an image that counts no requests. Source: Prometheus text exposition format 0.0.4.
    init?(prometheus text: String) {
        var bounds: [Double: Int] = [:]
        var isKnown = false
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard line.hasPrefix(Self.responses) || line.hasPrefix(Self.durations) else { continue }
            isKnown = true
            guard let value = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) }),
                value.isFinite, value >= 0, value < 1e15
            else { continue }
            if line.hasPrefix(Self.responses) {
                requests +|= Int(value)
                if Self.label("status", of: line)?.hasPrefix("5") == true { errors +|= Int(value) }
            } else if line.hasPrefix("\(Self.durations)_bucket"),
                let bound = Self.label("le", of: line).flatMap(Self.bound)
            {
                bounds[bound, default: 0] +|= Int(value)
            }
        }
        guard isKnown else { return nil }
        buckets = bounds.sorted { $0.key < $1.key }
            .map { Bucket(upTo: $0.key.isFinite ? $0.key : nil, count: $0.value) }
    }

    /// Longest bound that is taken for one, in seconds: a year.
    private static let maximumBound = 31_536_000.0

    /// Infinite for what has no bound; nil for what is none, from an image of which nobody knows what it
    /// says.
    private static func bound(_ text: String) -> Double? {
        if text == "+Inf" { return .infinity }
        return Double(text).flatMap { (0...maximumBound).contains($0) ? $0 : nil }
    }

    private static func label(_ name: String, of line: Substring) -> String? {
        guard let start = line.firstRange(of: "\(name)=\"")?.upperBound else { return nil }
        return String(line[start...].prefix { $0 != "\"" })
    }

    /// What was counted since `earlier`. A count that went down shows that the process started anew.
    func since(_ earlier: TrafficCounters) -> TrafficCounters {
        guard requests >= earlier.requests, errors >= earlier.errors,
            buckets.map(\.upTo) == earlier.buckets.map(\.upTo),
            zip(buckets, earlier.buckets).allSatisfy({ $0.count >= $1.count })
        else { return self }
        var difference = self
        difference.requests -|= earlier.requests
        difference.errors -|= earlier.errors
        for index in buckets.indices { difference.buckets[index].count -|= earlier.buckets[index].count }
        return difference
    }

    static func + (one: TrafficCounters, other: TrafficCounters) -> TrafficCounters {
        var sum = one
        sum.requests +|= other.requests
        sum.errors +|= other.errors
        if one.buckets.map(\.upTo) == other.buckets.map(\.upTo) {
            for index in sum.buckets.indices { sum.buckets[index].count +|= other.buckets[index].count }
        } else if one.buckets.isEmpty || !other.buckets.isEmpty {
            // Another image may count in other steps: the newer ones stand.
            sum.buckets = other.buckets
        }
        return sum
    }

    /// Interpolated inside its bucket, as Prometheus's `histogram_quantile` does, and rounded up; for what is
    /// beyond the last bound, that bound. nil without requests.
    var p95Milliseconds: Int? {
        guard let total = buckets.last?.count, total > 0 else { return nil }
        let rank = 0.95 * Double(total)
        var lower = (bound: 0.0, count: 0)
        for bucket in buckets {
            guard let bound = bucket.upTo else { break }
            if Double(bucket.count) >= rank {
                let share = (rank - Double(lower.count)) / (Double(bucket.count) - Double(lower.count))
                return Int(saturating: ((lower.bound + (bound - lower.bound) * share) * 1000).rounded(.up))
            }
            lower = (bound, bucket.count)
        }
        return Int(saturating: (lower.bound * 1000).rounded(.up))
    }
}
