import TunnelLink

/// The connector of a simulated instance: it dials the edge for real and answers requests itself.
enum SimulatedConnector {
    /// Of a request's body, what an answer may depend on.
    static let maximumBodyBytes = 64 * 1024

    /// Keeps streams open until the task is cancelled.
    static func run(
        token: String, respond: @escaping @Sendable (ProxiedHead, [UInt8]) async -> String
    ) async {
        var configuration = TunnelClient.Configuration()
        configuration.idleStreams = 2
        guard let token = TunnelProtocol.Token(base64: token),
            let client = TunnelClient(
                token: token, connectorID: ResourceID.uuid(), configuration: configuration,
                handler: { reader, _ in try? await serve(reader, respond) })
        else { return }
        await withTaskCancellationHandler {
            await client.run()
        } onCancel: {
            client.drain()
        }
    }

    private static func serve(
        _ reader: ByteReader, _ respond: @Sendable (ProxiedHead, [UInt8]) async -> String
    ) async throws {
        var reader = reader
        try await reader.stream.send(line: TunnelProtocol.Reply(ok: true))
        while let bytes = try await reader.head(limit: ProxiedHead.maximumBytes) {
            guard let head = ProxiedHead(bytes) else { return }
            var body: [UInt8] = []
            try await head.requestFraming.forward(&reader) { bytes in
                if body.count <= maximumBodyBytes { body += bytes.readableBytesView }
            }
            try await reader.stream.write(await respond(head, body))
        }
    }
}
