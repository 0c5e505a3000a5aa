import Synchronization

/// Virtual time, and the one baton that makes a run repeatable: at any moment a single task runs. It gives
/// the baton back when it waits for a virtual event, or ends; then whatever is next on the agenda gets it,
/// and time jumps there. SQL runs while the baton is held, so statements too come in one order.
///
/// A task that holds the baton must not start others that go on beside it.
final class Scheduler: Sendable {
    /// Whose event it is: a life of a replica, or the world's.
    typealias Party = Int
    static let world: Party = 0

    private struct Waiting {
        var party: Party
        /// Whether it touches the database, which must know the time then.
        var usesDatabase: Bool
        /// Told whether its party still lives. Leads to one `handBack`.
        var resume: @Sendable (Bool) -> Void
    }

    private struct State {
        var now = 0
        var sequence = 0
        var agenda = Agenda()
        var waiting: [Int: Waiting] = [:]
        var baton: CheckedContinuation<Void, Never>?
        var parties = 0
        var ended: Set<Party> = []
        var pausedUntil: [Party: Int] = [:]
        var isOver = false
    }

    private let state = Mutex(State())
    private let origin = ContinuousClock.now

    /// Microseconds since the simulation began. Every event has a moment of its own.
    var now: Int { state.withLock { $0.now } }
    var instant: ContinuousClock.Instant { origin + .microseconds(now) }

    func newParty() -> Party {
        state.withLock { state in
            state.parties += 1
            return state.parties
        }
    }

    /// Nothing of the party happens any more: what waits is told so at once, what would begin does not.
    func end(_ party: Party) {
        state.withLock { state in
            state.ended.insert(party)
            for sequence in state.waiting.filter({ $0.value.party == party }).keys.sorted() {
                Self.expedite(sequence, &state)
            }
        }
    }

    /// Nothing of the party happens before that time has passed; then everything that was due.
    func pause(_ party: Party, for time: Duration) {
        state.withLock { $0.pausedUntil[party] = $0.now + time.microseconds }
    }
}

// MARK: What tasks do

extension Scheduler {
    /// Starts `body` as a task after `delay`.
    func start(after delay: Duration, party: Party = world, _ body: @escaping @Sendable () async -> Void) {
        begin(after: delay, party: party) { ended in
            Task {
                await body()
                ended()
            }
        }
    }

    /// Calls `begin` after `delay`, which starts a task that calls what it is given when it ends.
    func begin(
        after delay: Duration, party: Party,
        _ begin: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        state.withLock { state in
            if state.isOver { return }
            _ = Self.enter(after: delay, &state) {
                Waiting(party: party, usesDatabase: true) { [self] isAlive in
                    if isAlive { begin { self.handBack() } } else { handBack() }
                }
            }
        }
    }

    /// Gives the baton back until `delay` has passed.
    /// - Throws: `CancellationError` when the task is cancelled or its party has ended.
    func sleep(_ delay: Duration, party: Party = world, usesDatabase: Bool = true) async throws {
        let entered = Mutex<Int?>(nil)
        let isAlive = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRefused = state.withLock { state in
                    if Task.isCancelled || state.isOver || state.ended.contains(party) { return true }
                    let sequence = Self.enter(after: delay, &state) {
                        Waiting(party: party, usesDatabase: usesDatabase) {
                            continuation.resume(returning: $0)
                        }
                    }
                    entered.withLock { $0 = sequence }
                    return false
                }
                if isRefused { continuation.resume(returning: false) } else { handBack() }
            }
        } onCancel: {
            guard let sequence = entered.withLock({ $0 }) else { return }
            state.withLock { Self.expedite(sequence, &$0) }
        }
        if !isAlive { throw CancellationError() }
    }

    private func handBack() {
        let baton = state.withLock { state in
            defer { state.baton = nil }
            return state.baton
        }
        baton?.resume()
    }

    private static func enter(after delay: Duration, _ state: inout State, _ waiting: () -> Waiting) -> Int {
        state.sequence += 1
        state.agenda.insert(.init(time: state.now + max(0, delay.microseconds), sequence: state.sequence))
        state.waiting[state.sequence] = waiting()
        return state.sequence
    }

    /// What waits learns at once that it waits in vain.
    private static func expedite(_ sequence: Int, _ state: inout State) {
        guard let waiting = state.waiting.removeValue(forKey: sequence) else { return }
        let resume = waiting.resume
        _ = enter(after: .zero, &state) {
            Waiting(party: world, usesDatabase: true) { _ in resume(false) }
        }
    }
}

// MARK: What the simulation does

extension Scheduler {
    struct Step {
        /// When it happens: after everything that has happened.
        var time: Int
        fileprivate var sequence: Int
        var usesDatabase: Bool
    }

    /// What happens next, without letting it happen.
    func next() -> Step? {
        state.withLock { state in
            while let entry = state.agenda.first {
                guard let waiting = state.waiting[entry.sequence] else {
                    state.agenda.removeFirst()
                    continue
                }
                if let end = state.pausedUntil[waiting.party], end > max(entry.time, state.now) {
                    state.agenda.removeFirst()
                    state.agenda.insert(.init(time: end, sequence: entry.sequence))
                    continue
                }
                return Step(
                    time: max(entry.time, state.now + 1), sequence: entry.sequence,
                    usesDatabase: waiting.usesDatabase)
            }
            return nil
        }
    }

    /// Hands the baton over, and returns when it comes back.
    func carryOut(_ step: Step) async {
        await withCheckedContinuation { continuation in
            let waiting: Waiting? = state.withLock { state in
                state.now = step.time
                state.agenda.removeFirst()
                state.baton = continuation
                return state.waiting.removeValue(forKey: step.sequence)
            }
            waiting.map { $0.resume(!isEnded($0.party)) }
        }
    }

    /// Ends every task: what waits is told that it waits in vain, and nothing can begin or wait any more.
    func close() async {
        state.withLock { state in
            state.isOver = true
            for sequence in state.waiting.keys.sorted() { Self.expedite(sequence, &state) }
        }
        while let step = next() { await carryOut(step) }
    }

    private func isEnded(_ party: Party) -> Bool { state.withLock { $0.ended.contains(party) } }
}
