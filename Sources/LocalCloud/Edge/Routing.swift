import TunnelLink

/// Why the edge cannot answer, as Cloudflare numbers it.
struct EdgeFailure: Error {
    let status: Int
    let code: Int
    let title: String

    static let noRecord = EdgeFailure(status: 530, code: 1016, title: "Origin DNS error")
    static let noConnector = EdgeFailure(status: 530, code: 1033, title: "Argo Tunnel error")
    static let unreachable = EdgeFailure(status: 502, code: 502, title: "Bad gateway")
    static let badRequest = EdgeFailure(status: 400, code: 400, title: "Bad request")

    /// The whole answer, after which the connection is closed.
    func page(_ detail: String) -> String {
        let body =
            "<!doctype html><title>\(title)</title><h1>Error \(code)</h1><p>\(title)</p><p>\(detail)</p>\n"
        return "HTTP/1.1 \(status) \(title)\r\ncontent-type: text/html\r\nserver: localcloud-edge\r\n"
            + "cf-error-code: \(code)\r\nconnection: close\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
            + body
    }
}

/// Finds and opens what stands behind a request.
protocol Upstreams: Sendable {
    /// Names what the request would be sent to; the same name can take a later request on the same stream.
    func destination(_ head: ProxiedHead) async throws -> String
    func open(_ destination: String) async throws -> ByteReader
    /// Whether a stream that was opened may take another request.
    func keeps(_ stream: ByteStream, _ destination: String) -> Bool
}

/// Hostname, DNS record, tunnel, ingress rule, connector.
struct TunnelUpstreams: Upstreams {
    /// How long a connector may take to come back with a stream while others are in use.
    static let streamWait = Duration.seconds(2)

    let places: CloudflarePlaces
    let connectors: Connectors

    func destination(_ head: ProxiedHead) async throws -> String {
        guard let tunnel = await places.tunnel(for: head.host) else { throw EdgeFailure.noRecord }
        guard let service = await places.service(of: tunnel, for: head.host) else {
            throw EdgeFailure.noConnector
        }
        return "\(tunnel) \(service)"
    }

    func keeps(_ stream: ByteStream, _ destination: String) -> Bool {
        connectors.keeps(stream, of: String(destination.prefix { $0 != " " }))
    }

    func open(_ destination: String) async throws -> ByteReader {
        let words = destination.split(separator: " ", maxSplits: 1)
        let (tunnel, service) = (String(words[0]), String(words[1]))
        if let status = Self.fixedStatus(service) {
            throw EdgeFailure(status: status, code: status, title: "The tunnel's configuration answers")
        }
        for _ in 0..<Self.attempts {
            let stream = try await stream(tunnel)
            do {
                return try await dial(service, on: stream)
            } catch let failure as EdgeFailure {
                stream.close()
                throw failure
            } catch {
                // The connector hung up before it took the stream: nothing has been asked yet.
                stream.close()
            }
        }
        throw EdgeFailure.unreachable
    }

    /// Streams of one connector that may be hanging up just now.
    private static let attempts = 8

    private func dial(_ service: String, on stream: ByteStream) async throws -> ByteReader {
        var reader = ByteReader(stream)
        try await stream.send(line: TunnelProtocol.Dial(service: service))
        guard try await reader.value(TunnelProtocol.Reply.self).ok else { throw EdgeFailure.unreachable }
        return reader
    }

    /// `http_status:404`
    private static func fixedStatus(_ service: String) -> Int? {
        service.hasPrefix("http_status:") ? Int(service.dropFirst("http_status:".count)) : nil
    }

    private func stream(_ tunnel: String) async throws -> ByteStream {
        let deadline = ContinuousClock.now.advanced(by: Self.streamWait)
        while true {
            if let stream = connectors.take(tunnel) { return stream }
            guard !connectors.of(tunnel).isEmpty, .now < deadline else { throw EdgeFailure.noConnector }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// One fixed service: what the platform front forwards to.
struct FixedUpstream: Upstreams {
    let endpoint: Settings.Endpoint

    func destination(_ head: ProxiedHead) -> String { "control plane" }

    func keeps(_ stream: ByteStream, _ destination: String) -> Bool { true }

    func open(_ destination: String) async throws -> ByteReader {
        do {
            return ByteReader(try await ByteStream.connect(host: endpoint.host, port: endpoint.port))
        } catch {
            throw EdgeFailure.unreachable
        }
    }
}
