import Synchronization
import TunnelLink

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A tunnel connector as the edge sees it: one process with several connections.
struct Connector: Sendable {
    struct Connection: Sendable {
        let id: String
        let stream: ByteStream
        let openedAt: Date
    }

    /// cloudflared keeps four connections; more are streams in use.
    static let listedConnections = 4

    let id: String
    let address: String
    let since: Date
    var connections: [Connection] = []
    /// It hung up a stream that nobody had used: it is about to end, and gets nothing new.
    var isRetiring = false

    var connectionDescriptions: [JSONValue] {
        connections.prefix(Self.listedConnections).map {
            [
                "id": .string($0.id), "uuid": .string($0.id), "client_id": .string(id),
                "client_version": "localcloud", "colo_name": "LOC", "origin_ip": .string(address),
                "opened_at": .string(Timestamp.text($0.openedAt)), "is_pending_reconnect": false,
            ]
        }
    }

    var description: JSONValue {
        [
            "id": .string(id), "version": "localcloud", "arch": "linux_amd64", "config_version": 1,
            "run_at": .string(Timestamp.text(since)), "features": [], "conns": .array(connectionDescriptions),
        ]
    }
}

/// Every connector that is registered, and its idle streams.
final class Connectors: Sendable {
    private struct State {
        /// By tunnel, then by connector.
        var connectors: [String: [String: Connector]] = [:]
        /// By tunnel; the last one is taken first.
        var idle: [String: [ByteStream]] = [:]
        /// By tunnel: when its first connector came or its last one went.
        var changes: [String: Date] = [:]
    }

    private let state = Mutex(State())

    func of(_ tunnel: String) -> [Connector] {
        state.withLock { ($0.connectors[tunnel] ?? [:]).values.sorted { $0.since < $1.since } }
    }

    /// When the tunnel was last connected or left without a connector; nil when it never had one.
    func lastChange(_ tunnel: String) -> Date? { state.withLock { $0.changes[tunnel] } }

    /// A stream that said hello with the right secret.
    func add(_ stream: ByteStream, tunnel: String, connector id: String) {
        let connection = Connector.Connection(id: ResourceID.uuid(), stream: stream, openedAt: Date())
        state.withLock { state in
            var connector =
                state.connectors[tunnel]?[id]
                ?? Connector(id: id, address: stream.remoteAddress, since: Date())
            connector.connections.append(connection)
            connector.isRetiring = false
            if state.connectors[tunnel]?.isEmpty ?? true { state.changes[tunnel] = Date() }
            state.connectors[tunnel, default: [:]][id] = connector
            state.idle[tunnel, default: []].append(stream)
        }
        stream.channel.closeFuture.whenComplete { _ in self.remove(stream, tunnel: tunnel, connector: id) }
    }

    private func remove(_ stream: ByteStream, tunnel: String, connector id: String) {
        state.withLock { state in
            if let index = state.idle[tunnel]?.firstIndex(where: { $0 === stream }) {
                state.idle[tunnel]?.remove(at: index)
                state.connectors[tunnel]?[id]?.isRetiring = true
            }
            state.connectors[tunnel]?[id]?.connections.removeAll { $0.stream === stream }
            if state.connectors[tunnel]?[id]?.connections.isEmpty == true {
                state.connectors[tunnel]?[id] = nil
                if state.connectors[tunnel]?.isEmpty == true { state.changes[tunnel] = Date() }
            }
        }
    }

    /// An idle stream for one proxied connection; it is the caller's from now on.
    func take(_ tunnel: String) -> ByteStream? {
        state.withLock { state in
            while let stream = state.idle[tunnel]?.popLast() {
                if stream.isOpen { return stream }
            }
            return nil
        }
    }

    /// Whether a stream in use may be used for another request: not when its connector is about to end.
    func keeps(_ stream: ByteStream, of tunnel: String) -> Bool {
        state.withLock { state in
            (state.connectors[tunnel] ?? [:]).values.contains { connector in
                !connector.isRetiring && connector.connections.contains { $0.stream === stream }
            }
        }
    }

    /// Hangs up on every connector of the tunnel; they may come back if the tunnel still exists.
    func disconnect(_ tunnel: String) {
        let streams = state.withLock { state in
            let streams = (state.connectors[tunnel] ?? [:]).values.flatMap { $0.connections.map(\.stream) }
            if state.connectors[tunnel]?.isEmpty == false { state.changes[tunnel] = Date() }
            state.connectors[tunnel] = nil
            state.idle[tunnel] = nil
            return streams
        }
        for stream in streams { stream.close() }
    }

    /// Pings what is idle and hangs up on what has been silent: a removed container sends no farewell.
    /// The pings are written before the streams can be taken: after that every byte is the service's.
    func checkIdle(now: ContinuousClock.Instant = .now) {
        let limit = Duration.seconds(3 * TunnelProtocol.pingSeconds)
        let silent = state.withLock { state in
            var silent: [ByteStream] = []
            for stream in state.idle.values.flatMap(\.self) {
                stream.discardBuffered()
                if stream.lastReadAt.duration(to: now) > limit {
                    silent.append(stream)
                } else {
                    let ping = stream.channel.allocator.buffer(string: TunnelProtocol.ping + "\n")
                    stream.channel.writeAndFlush(ping, promise: nil)
                }
            }
            return silent
        }
        for stream in silent { stream.close() }
    }
}
