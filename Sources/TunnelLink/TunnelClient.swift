import Synchronization

/// The connector's side: keeps idle streams at the edge, and hands each over when the edge uses it.
package final class TunnelClient: Sendable {
    package struct Configuration: Sendable {
        package var idleStreams = 4
        package var firstBackoff = Duration.milliseconds(250)
        package var maximumBackoff = Duration.seconds(10)
        package init() {}
    }

    /// Serves one proxied connection: dials what the edge names, answers it, carries the bytes.
    package typealias Handler = @Sendable (_ reader: ByteReader, _ service: String) async -> Void

    private enum Event: Sendable {
        case registered, taken, lost
    }

    private struct State {
        var open: [ObjectIdentifier: ByteStream] = [:]
        var used: Set<ObjectIdentifier> = []
        var draining = false
    }

    private let token: TunnelProtocol.Token
    private let host: String
    private let port: Int
    private let connectorID: String
    private let configuration: Configuration
    private let report: @Sendable (String) -> Void
    private let handler: Handler
    private let state = Mutex(State())

    /// - Parameter report: told what an operator wants to know, never a secret.
    /// - Returns: nil when the token names no address to dial.
    package init?(
        token: TunnelProtocol.Token, connectorID: String, configuration: Configuration = .init(),
        report: @escaping @Sendable (String) -> Void = { _ in }, handler: @escaping Handler
    ) {
        guard let address = token.address else { return nil }
        self.token = token
        (host, port) = address
        self.connectorID = connectorID
        self.configuration = configuration
        self.report = report
        self.handler = handler
    }

    /// Streams that are registered at the edge.
    package var readyConnections: Int { state.withLock { $0.open.count } }

    /// Keeps the streams until the task is cancelled or the client has drained.
    package func run() async {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        await withDiscardingTaskGroup { group in
            var backoff = configuration.firstBackoff
            for _ in 0..<configuration.idleStreams {
                group.addTask { await self.keep(after: .zero, continuation) }
            }
            for await event in events {
                switch event {
                case .registered: backoff = configuration.firstBackoff
                case .taken: group.addTask { await self.keep(after: .zero, continuation) }
                case .lost:
                    let pause = backoff * Double.random(in: 0.5...1)
                    backoff = min(backoff * 1.5, configuration.maximumBackoff)
                    group.addTask { await self.keep(after: pause, continuation) }
                }
                if state.withLock({ $0.draining }) || Task.isCancelled { break }
            }
            if Task.isCancelled { closeAll() }
        }
    }

    /// Hangs up what is idle, lets what is in use finish, and makes `run` return.
    package func drain() {
        let idle = state.withLock { state in
            state.draining = true
            return state.open.filter { !state.used.contains($0.key) }.values
        }
        for stream in idle { stream.close() }
    }

    private func closeAll() {
        for stream in state.withLock({ Array($0.open.values) }) { stream.close() }
    }

    private var isDraining: Bool { state.withLock { $0.draining } }

    private func keep(after pause: Duration, _ events: AsyncStream<Event>.Continuation) async {
        if pause > .zero { try? await Task.sleep(for: pause) }
        guard !Task.isCancelled, !isDraining else {
            events.finish()
            return
        }
        do {
            let stream = try await ByteStream.connect(host: host, port: port)
            defer { stream.close() }
            guard try await serve(stream, events) else {
                events.yield(.lost)
                return
            }
        } catch {
            report("the edge is not reachable or hung up: \(error)")
            events.yield(.lost)
        }
    }

    /// - Returns: false when the stream ended before it was used.
    private func serve(_ stream: ByteStream, _ events: AsyncStream<Event>.Continuation) async throws -> Bool {
        var reader = ByteReader(stream)
        try await stream.send(
            line: TunnelProtocol.Hello(tunnel: token.tunnel, secret: token.secret, connector: connectorID))
        let reply = try await reader.value(TunnelProtocol.Reply.self)
        guard reply.ok else {
            report("the edge refused this connector: \(reply.error ?? "")")
            return false
        }
        let key = ObjectIdentifier(stream)
        state.withLock { $0.open[key] = stream }
        defer {
            state.withLock {
                $0.open[key] = nil
                $0.used.remove(key)
            }
        }
        events.yield(.registered)
        guard let service = try await idle(stream, &reader) else { return false }
        state.withLock { _ = $0.used.insert(key) }
        events.yield(.taken)
        await handler(reader, service)
        return true
    }

    /// Answers pings until the edge names a service; nil when it hung up.
    private func idle(_ stream: ByteStream, _ reader: inout ByteReader) async throws -> String? {
        let watch = Task {
            let limit = Duration.seconds(3 * TunnelProtocol.pingSeconds)
            while stream.isOpen {
                try await Task.sleep(for: .seconds(TunnelProtocol.pingSeconds))
                if stream.lastReadAt.duration(to: .now) > limit { stream.close() }
            }
        }
        defer { watch.cancel() }
        while let line = try await reader.line(limit: TunnelProtocol.maximumLine) {
            if line == TunnelProtocol.ping {
                try await stream.write(TunnelProtocol.pong + "\n")
            } else {
                return TunnelProtocol.Dial(line: line)?.service
            }
        }
        return nil
    }
}
