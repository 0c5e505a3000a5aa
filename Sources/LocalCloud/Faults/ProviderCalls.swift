import Synchronization

/// One call of a provider's API, as the trace keeps it.
struct ProviderCall: Sendable {
    let number: Int
    let service: String
    let operation: String
    /// 0 until it is answered, and for ever when no answer was sent.
    var status = 0
    var fault: Fault?

    var description: JSONValue {
        [
            "number": .integer(number), "service": .string(service), "operation": .string(operation),
            "status": .integer(status), "fault": fault.map { .string($0.rawValue) } ?? nil,
        ]
    }
}

/// The provider calls so far, and the faults that wait for the next ones.
final class ProviderCalls: Sendable {
    /// Calls kept; the totals count all of them.
    static let keptCalls = 20_000

    private struct State {
        var rules: [FaultRule] = []
        var calls: [ProviderCall] = []
        /// Number of the first kept call.
        var first = 1
        /// By service, then by operation.
        var totals: [String: [String: Int]] = [:]
        var applied: [ProviderCall] = []
    }

    private let state = Mutex(State())

    /// Numbers a call and takes the first fault that is due for it.
    func begin(_ service: String, _ operation: String) -> (number: Int, rule: FaultRule?) {
        state.withLock { state in
            let rule = Self.take(&state.rules, service, operation)
            let number = state.first + state.calls.count
            let call = ProviderCall(
                number: number, service: service, operation: operation, fault: rule?.fault)
            state.calls.append(call)
            if rule != nil, state.applied.count < Self.keptCalls { state.applied.append(call) }
            state.totals[service, default: [:]][operation, default: 0] += 1
            if state.calls.count > 2 * Self.keptCalls {
                state.calls.removeFirst(Self.keptCalls)
                state.first += Self.keptCalls
            }
            return (number, rule)
        }
    }

    func end(_ number: Int, status: Int) {
        state.withLock { state in
            let index = number - state.first
            if state.calls.indices.contains(index) { state.calls[index].status = status }
        }
    }

    private static func take(_ rules: inout [FaultRule], _ service: String, _ operation: String) -> FaultRule?
    {
        for index in rules.indices where rules[index].matches(service, operation) {
            if rules[index].skip > 0 {
                rules[index].skip -= 1
            } else {
                let rule = rules[index]
                rules[index].count -= 1
                if rules[index].count == 0 { rules.remove(at: index) }
                return rule
            }
        }
        return nil
    }

    // MARK: What an operator sees and sets

    func setRules(_ rules: [FaultRule]) {
        state.withLock {
            $0.rules = rules
            $0.applied = []
        }
    }

    /// What is left of the rules, and the calls that were befallen since they were set.
    var faults: JSONValue {
        let (rules, applied) = state.withLock { ($0.rules, $0.applied) }
        return [
            "rules": JSONValue(parsing: JSONValue.encode(rules)) ?? [],
            "applied": .array(applied.map(\.description)),
        ]
    }

    var trace: JSONValue {
        let (calls, totals) = state.withLock { ($0.calls.suffix(Self.keptCalls), $0.totals) }
        return [
            "calls": .array(calls.map(\.description)),
            "totals": .object(totals.mapValues { .object($0.mapValues { .integer($0) }) }),
        ]
    }

    /// Forgets the calls; numbers go on from one again.
    func clear() {
        state.withLock {
            $0.calls = []
            $0.first = 1
            $0.totals = [:]
        }
    }
}

/// How long a call hides what it creates. A value of the task, since the call itself does not know it.
enum Visibility {
    @TaskLocal static var delay = Duration.zero

    /// When something made now may be seen, in a cloud whose reads lag behind by `lag`.
    static func instant(lag: Duration = .zero) -> ContinuousClock.Instant {
        ContinuousClock.now.advanced(by: max(delay, lag))
    }
}

extension ContinuousClock.Instant {
    var isPast: Bool { self <= .now }
}
