import TunnelLink

/// Where connectors dial in: checks the tunnel's secret, then keeps the stream for the edge to take.
struct ConnectorAdmission: Sendable {
    let places: CloudflarePlaces
    let connectors: Connectors

    /// Returns when the stream has ended.
    func admit(_ stream: ByteStream) async {
        do {
            var reader = ByteReader(stream)
            let deadline = Task {
                try await Task.sleep(for: .seconds(5))
                stream.close()
            }
            let hello = try await reader.value(TunnelProtocol.Hello.self)
            deadline.cancel()
            guard await places.admits(hello.tunnel, secret: hello.secret) else {
                try await stream.send(
                    line: TunnelProtocol.Reply(
                        ok: false, error: "unauthorized: wrong secret or no such tunnel"))
                return
            }
            try await stream.send(line: TunnelProtocol.Reply(ok: true))
            connectors.add(stream, tunnel: hello.tunnel, connector: hello.connector)
            try await stream.channel.closeFuture.get()
        } catch {
            return
        }
    }

    /// Pings idle streams until cancelled.
    func keepAlive() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(TunnelProtocol.pingSeconds))
            connectors.checkIdle()
        }
    }
}
