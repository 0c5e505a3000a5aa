import TunnelLink
import WireText

/// Serves each proxied connection by dialling the service that the edge names.
struct Connector {
    let client: TunnelClient

    /// nil when the token names no address.
    init?(_ token: TunnelProtocol.Token) {
        let id = Self.makeID()
        guard
            let client = TunnelClient(
                token: token, connectorID: id, report: { Log.line($0) },
                handler: { reader, service in await Self.serve(reader, service) })
        else { return nil }
        self.client = client
    }

    private static func makeID() -> String { (0..<16).map { _ in UInt8.random(in: .min ... .max) }.hex }

    private static func serve(_ edge: ByteReader, _ service: String) async {
        guard let address = TunnelProtocol.serviceAddress(service) else {
            return await refuse(edge, "unsupported service \(service)")
        }
        do {
            let origin = try await ByteStream.connect(host: address.host, port: address.port)
            try await edge.stream.send(line: TunnelProtocol.Reply(ok: true))
            await ByteStream.join(edge, ByteReader(origin))
        } catch {
            await refuse(edge, "the service cannot be reached")
        }
    }

    private static func refuse(_ edge: ByteReader, _ why: String) async {
        Log.line("request not served: \(why)")
        try? await edge.stream.send(line: TunnelProtocol.Reply(ok: false, error: why))
    }
}
