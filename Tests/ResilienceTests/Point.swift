import Synchronization

/// A moment of a run that another run finds again: the k-th call or commit of that name.
struct Point: Hashable, Sendable, CustomStringConvertible {
    enum Kind: String, Sendable, CaseIterable { case call, commit }

    var kind: Kind
    var name: String
    var occurrence: Int

    var description: String { "\(name) #\(occurrence)" }
}

/// Where a process dies: before the call or commit takes effect, or after it did and before the answer came.
enum Side: String, Sendable, CaseIterable { case before, after }

/// Holds calls of one name until it opens.
final class Gate: Sendable {
    private let state = Mutex<(closed: String?, waiting: Int)>((nil, 0))

    /// How many calls have come to the gate while it was closed.
    var waiting: Int { state.withLock { $0.waiting } }

    func close(to name: String) { state.withLock { $0 = (name, 0) } }
    func open() { state.withLock { $0.closed = nil } }

    func pass(_ name: String) async throws {
        let isClosed = state.withLock { state in
            if state.closed == name { state.waiting += 1 }
            return state.closed == name
        }
        guard isClosed else { return }
        while state.withLock({ $0.closed }) == name { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// What is done to a run, and where.
enum Interference: Sendable, Hashable {
    case crash(Side)
    case fault(Fault)
}

/// Hears of every point that a run reaches, and says what happens there.
final class Trace: Sendable {
    private struct State {
        var target: (point: Point, interference: Interference)?
        var isFollowing = false
        var hit = false
        var counts: [String: Int] = [:]
        var points: [Point] = []
        /// ClientTokens of every RunInstances that was sent on.
        var launches: [String] = []
    }

    private let state = Mutex(State())

    /// Points count from here.
    func follow(_ target: (point: Point, interference: Interference)? = nil) {
        state.withLock { state in
            state.target = target
            state.isFollowing = true
        }
    }

    /// What is reached from here on is no part of the story.
    func end() -> [Point] {
        state.withLock { state in
            state.isFollowing = false
            return state.points
        }
    }

    /// Whether the interference took place.
    var hit: Bool { state.withLock { $0.hit } }

    /// - Returns: what is to happen here; nil to let it pass.
    func reach(_ kind: Point.Kind, _ name: String) -> Interference? {
        state.withLock { state in
            guard state.isFollowing else { return nil }
            state.counts[name, default: 0] += 1
            let point = Point(kind: kind, name: name, occurrence: state.counts[name]!)
            state.points.append(point)
            guard let target = state.target, target.point == point, !state.hit else { return nil }
            state.hit = true
            return target.interference
        }
    }

    func launched(_ token: String) { state.withLock { $0.launches.append(token) } }
    var launches: [String] { state.withLock { $0.launches } }
}
