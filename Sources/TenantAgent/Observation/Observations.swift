import Arithmetic
import DurableFiles
import FoundationEssentials
import TenantProtocol

/// `/var/lib/molecule/observations.json`: the last hour of molecule-tenant's traffic in slices of about 20 s,
/// and the hour before its present container took over. Counts only. Times are seconds since 1970.
struct Observations: Codable, Equatable, Sendable {
    static let hour = 3_600
    /// One every 20 s, and those that a redeploy adds.
    static let maximumSlices = 240

    struct Slice: Codable, Equatable, Sendable {
        var end: Int
        var seconds: Int
        var traffic: TrafficCounters
    }

    /// Id of the container that serves.
    private(set) var container: String?
    private(set) var tookOverAt = 0
    /// By itself, since it took over, as far as Docker has forgotten it: its own count starts over with a
    /// start by hand.
    private var forgottenRestarts = 0
    private var restartCount = 0
    /// When the process started that `counters` are of.
    private var process: String?
    private var counters: TrafficCounters?
    private var lookedAt = 0
    private(set) var slices: [Slice] = []
    private var before: Slice?

    var restarts: Int { forgottenRestarts +| restartCount }

    /// - Parameter seen: nil for an image without such metrics
    mutating func add(_ seen: TrafficCounters?, of container: Container, at now: Int) {
        if self.container != container.id { begin(container, at: now) }
        if container.restartCount < restartCount { forgottenRestarts +|= restartCount }
        restartCount = container.restartCount
        if process != container.state.startedAt { counters = nil }
        process = container.state.startedAt
        defer { lookedAt = now }
        guard let seen else { return }
        let traffic = seen.since(counters ?? TrafficCounters())
        counters = seen
        slices.append(Slice(end: now, seconds: max(0, min(now -| lookedAt, Self.hour)), traffic: traffic))
        slices = Array(
            slices.filter { $0.end > now -| Self.hour && $0.end <= now }.suffix(Self.maximumSlices))
    }

    /// Another container serves from now on: the hour until now is the hour before it.
    private mutating func begin(_ container: Container, at now: Int) {
        before = total(after: now -| Self.hour)
        self.container = container.id
        tookOverAt = now
        lookedAt = now
        forgottenRestarts = 0
        restartCount = 0
        counters = nil
        process = nil
    }

    private func total(after start: Int) -> Slice? {
        let counted = slices.filter { $0.end > start }
        guard let first = counted.first else { return nil }
        return counted.dropFirst().reduce(first) {
            Slice(end: $1.end, seconds: $0.seconds +| $1.seconds, traffic: $0.traffic + $1.traffic)
        }
    }

    var trafficBefore: HealthObservation.Traffic? { before.map(Self.traffic) }

    func trafficSince(at now: Int) -> HealthObservation.Traffic? {
        total(after: max(tookOverAt, now -| Self.hour)).map(Self.traffic)
    }

    private static func traffic(_ slice: Slice) -> HealthObservation.Traffic {
        .init(
            seconds: min(slice.seconds, hour), requests: slice.traffic.requests,
            errors: slice.traffic.errors, p95Milliseconds: slice.traffic.p95Milliseconds)
    }

    /// A file that cannot be read counts as none: it is worth an hour.
    static func load(_ path: String) throws -> Observations {
        guard let bytes = try Files.read(path) else { return Observations() }
        return (try? JSONDecoder().decode(Observations.self, from: Data(bytes))) ?? Observations()
    }

    func save(_ path: String) throws { try Files.replace(path, with: try encoded(self)) }
}
