#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension ByteStream {
    /// Writes one line of the tunnel's protocol.
    package func send(line value: some Encodable) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        try await write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }
}

extension ByteReader {
    /// The next JSON line, over any `pong` before it.
    package mutating func value<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        while let line = try await line(limit: TunnelProtocol.maximumLine) {
            guard line.hasPrefix("{") else { continue }
            return try JSONDecoder().decode(type, from: Data(line.utf8))
        }
        throw Failure.ended
    }
}

extension TunnelProtocol.Token {
    package init?(base64 text: String) {
        guard let data = Data(base64Encoded: text),
            let token = try? JSONDecoder().decode(TunnelProtocol.Token.self, from: data)
        else { return nil }
        self = token
    }

    /// Host and port of the edge.
    package var address: (host: String, port: Int)? { TunnelProtocol.hostAndPort(edge) }
}

extension TunnelProtocol {
    package static func hostAndPort(_ text: some StringProtocol) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port), colon > text.startIndex
        else { return nil }
        return (String(text[..<colon]), port)
    }

    /// Host and port of a service URL such as `http://127.0.0.1:8080`; nil for what is not plain HTTP.
    package static func serviceAddress(_ url: String) -> (host: String, port: Int)? {
        guard url.hasPrefix("http://") else { return nil }
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" }
        return authority.contains(":") ? hostAndPort(authority) : (String(authority), 80)
    }
}

extension TunnelProtocol.Dial {
    init?(line: String) {
        guard let dial = try? JSONDecoder().decode(TunnelProtocol.Dial.self, from: Data(line.utf8)) else {
            return nil
        }
        self = dial
    }
}
