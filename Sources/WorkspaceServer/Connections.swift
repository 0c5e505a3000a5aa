import NIOCore
import Synchronization

/// What a connection is told while the server drains.
enum DrainEvent: Sendable {
    /// From now on every answer is the last of its connection; a WebSocket is closed.
    case begun
    /// Who has not asked for anything until now is not waited for any more.
    case idleTimeIsOver
}

/// Every open connection, so that the server can end without cutting one in a request.
///
/// A server cannot close an idle connection without the risk that a request is just on its way. So nothing is
/// closed at first: each answer says `Connection: close`, and only what stays idle for a while is closed. A
/// request in progress is waited for, for as long as whoever sent SIGTERM lets it.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())
    private static let pause: Duration = .milliseconds(20)

    var isDraining: Bool { state.withLock { $0.isDraining } }

    func add(_ channel: any Channel) {
        state.withLock { $0.open[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { $0.open[ObjectIdentifier(channel)] = nil }
        }
    }

    /// Returns when no connection is left.
    func drain(idleTime: Duration) async {
        state.withLock { $0.isDraining = true }
        tell(.begun)
        await wait(until: .now + idleTime)
        while !isEmpty {
            tell(.idleTimeIsOver)
            await wait(until: .now + .seconds(1))
        }
    }

    private var isEmpty: Bool { state.withLock { $0.open.isEmpty } }

    private func wait(until end: ContinuousClock.Instant) async {
        while !isEmpty, ContinuousClock.now < end { try? await Task.sleep(for: Self.pause) }
    }

    private func tell(_ event: DrainEvent) {
        for channel in state.withLock({ Array($0.open.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(event)
        }
    }
}
