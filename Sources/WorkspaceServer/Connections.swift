import NIOCore
import Synchronization

/// What a connection is told when the server begins to drain: a WebSocket is closed.
struct DrainEvent: Sendable {}

/// Every open connection, so that the server can end without cutting one in a request.
///
/// A server cannot close an idle connection without the risk that a request is just on its way. So nothing is
/// closed at first: each answer says `Connection: close`, and only what stays idle for a while is closed, by
/// the server's own shutdown, which also waits for requests in progress.
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

    /// Returns when no connection is left, or when those that are left have had their time.
    func drain(idleTime: Duration) async {
        let open = state.withLock { state in
            state.isDraining = true
            return Array(state.open.values)
        }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
        let end = ContinuousClock.now + idleTime
        while !state.withLock({ $0.open.isEmpty }), ContinuousClock.now < end {
            try? await Task.sleep(for: Self.pause)
        }
    }
}
