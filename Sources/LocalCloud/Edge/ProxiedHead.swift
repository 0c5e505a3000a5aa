import NIOCore
import TunnelLink

/// The head of an HTTP/1.1 request or response, kept as it came.
struct ProxiedHead: Sendable {
    static let maximumBytes = 64 * 1024

    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`
    var startLine: String
    var headers: [(name: String, value: String)]

    /// nil for what is not an HTTP head.
    init?(_ bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, first.contains("HTTP/1.") else { return nil }
        startLine = String(first)
        headers = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.append((String(line[..<colon]), String(value)))
        }
    }

    init(startLine: String, headers: [(name: String, value: String)]) {
        self.startLine = startLine
        self.headers = headers
    }

    var bytes: ByteBuffer {
        var buffer = ByteBuffer(string: startLine + "\r\n")
        for header in headers { buffer.writeString("\(header.name): \(header.value)\r\n") }
        buffer.writeString("\r\n")
        return buffer
    }

    private var words: [Substring] { startLine.split(separator: " ", maxSplits: 2) }

    var method: String { words.first.map(String.init) ?? "" }
    var target: String { words.count > 1 ? String(words[1]) : "/" }
    var path: String { String(target.prefix { $0 != "?" }) }
    var status: Int { words.count > 1 ? Int(words[1]) ?? 502 : 502 }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    mutating func remove(_ name: String) { headers.removeAll { $0.name.lowercased() == name } }

    mutating func set(_ name: String, _ value: String) {
        remove(name.lowercased())
        headers.append((name, value))
    }

    func has(_ name: String, token: String) -> Bool {
        headers.contains { header in
            header.name.lowercased() == name
                && header.value.lowercased().split(separator: ",").contains { $0.trimmed == token }
        }
    }

    /// The name without a port, in lower case; empty when there is none.
    var host: String { (header("host") ?? "").prefix { $0 != ":" }.lowercased() }

    var isUpgrade: Bool { has("connection", token: "upgrade") && header("upgrade") != nil }

    /// Whether the same request twice does what it does once. Source: RFC 9110, section 9.2.2.
    var isIdempotent: Bool { ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(method) }

    /// Whether the sender keeps the connection after this message.
    var keepsAlive: Bool {
        if has("connection", token: "close") { return false }
        let isVersion10 = startLine.hasSuffix("HTTP/1.0") || startLine.hasPrefix("HTTP/1.0")
        return !isVersion10 || has("connection", token: "keep-alive")
    }

    /// Source: RFC 9112, section 6.3.
    var requestFraming: BodyFraming {
        if has("transfer-encoding", token: "chunked") { return .chunked }
        return .counted(header("content-length").flatMap { Int($0) } ?? 0)
    }

    /// - Parameter method: of the request that this answers.
    func responseFraming(method: String) -> BodyFraming {
        if method == "HEAD" || status < 200 || status == 204 || status == 304 { return .counted(0) }
        if has("transfer-encoding", token: "chunked") { return .chunked }
        return header("content-length").flatMap { Int($0) }.map { .counted($0) } ?? .untilEnd
    }

    static func answer(_ status: Int, _ json: String) -> String {
        "HTTP/1.1 \(status) \(status == 200 ? "OK" : "Error")\r\ncontent-type: application/json\r\n"
            + "content-length: \(json.utf8.count)\r\n\r\n\(json)"
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var copy = self.drop { $0 == " " || $0 == "\t" }
        while copy.last == " " || copy.last == "\t" { copy.removeLast() }
        return copy
    }
}

/// How the end of a body is found.
enum BodyFraming: Sendable, Equatable {
    case counted(Int)
    case chunked
    case untilEnd

    static let maximumChunkLine = 1024
    /// In bytes: a terabyte, which nobody sends at once.
    static let maximumChunk = 1 << 40

    /// Takes one body off the reader, byte for byte, chunk lines included.
    func forward(_ reader: inout ByteReader, to sink: (ByteBuffer) async throws -> Void) async throws {
        switch self {
        case .counted(let count): try await Self.counted(count, &reader, sink)
        case .chunked: try await Self.chunked(&reader, sink)
        case .untilEnd: while let bytes = try await reader.some() { try await sink(bytes) }
        }
    }

    private static func counted(
        _ count: Int, _ reader: inout ByteReader, _ sink: (ByteBuffer) async throws -> Void
    ) async throws {
        var left = count
        while left > 0 {
            guard let bytes = try await reader.some(atMost: left) else { throw ByteReader.Failure.ended }
            left -= bytes.readableBytes
            try await sink(bytes)
        }
    }

    private static func chunked(
        _ reader: inout ByteReader, _ sink: (ByteBuffer) async throws -> Void
    ) async throws {
        while true {
            guard let line = try await reader.line(limit: maximumChunkLine),
                let size = Int(line.prefix { $0 != ";" && $0 != " " }, radix: 16),
                (0...maximumChunk).contains(size)
            else { throw ByteReader.Failure.ended }
            try await sink(ByteBuffer(string: line + "\r\n"))
            if size == 0 { break }
            try await counted(size + 2, &reader, sink)
        }
        while let trailer = try await reader.line(limit: maximumChunkLine) {
            try await sink(ByteBuffer(string: trailer + "\r\n"))
            if trailer.isEmpty { return }
        }
    }
}
