import Synchronization

/// What is counted while the simulation runs.
final class Tally: Sendable {
    struct Counts: Sendable {
        /// By service and operation.
        var calls: [String: Int] = [:]
        /// By kind, of those that were injected.
        var faults: [String: Int] = [:]
        /// Calls that a provider refused for their rate, beside injected ones.
        var throttled: [String: Int] = [:]
        var kills = 0
        var pauses = 0
        var runs = 0
        /// Instances launched, and when the first and the last were.
        var launches = 0
        var firstLaunch: Int?
        var lastLaunch: Int?
        var events = 0
        var violations: [Violation] = []
    }

    private let state = Mutex(Counts())

    var counts: Counts { state.withLock { $0 } }

    func add(_ change: @Sendable (inout Counts) -> Void) { state.withLock { change(&$0) } }

    func violated(_ rule: String, tenant: String, _ detail: String) {
        state.withLock { $0.violations.append(Violation(rule: rule, tenant: tenant, detail: detail)) }
    }
}

/// Something that must never be, and was.
struct Violation: Sendable, Codable, Equatable {
    var rule: String
    /// Its slug.
    var tenant: String
    var detail: String
}
