import Foundation
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing
import TunnelLink

@testable import LocalCloud

/// A TLS listener of the local cloud in the test's own process, with a service of the test's behind it.
final class TLSListener: Sendable {
    struct Seen: Sendable {
        /// Connections whose handler runs.
        var open = 0
        var mostOpen = 0
        var written = 0
        /// What came until a stream's end, outside of requests.
        var remainders: [String] = []
    }

    let port: Int
    let authorityFile: String
    private let state = Mutex(Seen())

    var seen: Seen { state.withLock { $0 } }

    private init(port: Int, folder: String) {
        self.port = port
        authorityFile = folder + "/ca.pem"
    }

    /// - Parameter greeting: written at once, before anything is read; then the stream ends.
    static func with(greeting: String? = nil, _ body: (TLSListener) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let authority = try CertificateAuthority(folder: folder)
            let listener = Mutex<TLSListener?>(nil)
            let service = StreamListener(
                name: "test", host: "127.0.0.1", port: 0,
                tls: try TLSServer(authority, fallback: "127.0.0.1"), logger: Logger(label: "test"),
                listening: { port in
                    listener.withLock { $0 = TLSListener(port: port, folder: folder) }
                },
                handler: { await listener.withLock { $0 }?.serve($0, greeting) })
            let running = Task { try await service.run() }
            defer { running.cancel() }
            try await eventually("the listener") { listener.withLock { $0 } != nil }
            try await body(try #require(listener.withLock { $0 }))
        }
    }

    private func serve(_ stream: ByteStream, _ greeting: String?) async {
        state.withLock {
            $0.open += 1
            $0.mostOpen = max($0.mostOpen, $0.open)
        }
        defer { state.withLock { $0.open -= 1 } }
        var reader = ByteReader(stream)
        do {
            if let greeting {
                try await stream.write(greeting)
                await stream.finishWriting()
                return
            }
            while let head = try await reader.head(limit: 16_384) {
                try await answer(String(decoding: head, as: UTF8.self), &reader)
            }
        } catch ByteReader.Failure.ended {
            state.withLock { $0.remainders.append("unfinished") }
        } catch {}
    }

    private func answer(_ head: String, _ reader: inout ByteReader) async throws {
        let stream = reader.stream
        let path = head.split(separator: " ")[1].split(separator: "/")
        switch path.first {
        case "farewell":
            try await stream.write("bye")
            await stream.finishWriting()
            var rest = ""
            while let more = try await reader.some() { rest += String(buffer: more) }
            state.withLock { $0.remainders.append(rest) }
        case "large":
            try await large(Int(path[1]) ?? 0, to: stream)
        case "take":
            let length = head.firstMatch(of: #/(?i)content-length: (\d+)/#).flatMap { Int($0.1) } ?? 0
            var taken = Data()
            while taken.count < length, let more = try await reader.some(atMost: length - taken.count) {
                taken.append(contentsOf: more.readableBytesView)
            }
            try await respond("whole: \(taken == Self.body(length))", to: stream)
        case "together":
            try await eventually("the others") { self.seen.mostOpen >= Int(path[1]) ?? 0 }
            try await respond("ok", to: stream)
        default:
            try await respond("ok", to: stream)
        }
    }

    private func respond(_ body: String, to stream: ByteStream) async throws {
        try await stream.write("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Bytes in which a piece that is missing, doubled or out of place shows.
    static func body(_ length: Int) -> Data {
        let unit = Data((0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        var body = Data(capacity: length + unit.count)
        while body.count < length { body.append(unit) }
        return body.prefix(length)
    }

    private func large(_ length: Int, to stream: ByteStream) async throws {
        try await stream.write("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n")
        let body = ByteBuffer(bytes: Self.body(length))
        var place = 0
        while place < length {
            let count = min(300_007, length - place)
            try await stream.write(body.getSlice(at: place, length: count) ?? ByteBuffer())
            state.withLock { $0.written += count }
            place += count
        }
    }

    func url(_ path: String, host: String = "a.localhost") -> String { "https://\(host):\(port)\(path)" }

    /// Runs curl, which trusts this listener's authority alone.
    func curl(_ arguments: String...) async throws -> (status: Int32, output: String) {
        try await runCommand(
            "/usr/bin/curl", ["-sS", "--cacert", authorityFile] + arguments, within: .seconds(300))
    }

    /// What `openssl s_client` says about one connection.
    func client(_ arguments: String...) async throws -> String {
        try await runCommand(
            "/usr/bin/openssl",
            ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", authorityFile] + arguments
        ).output
    }

    /// Runs a scenario of Tests/oracles/tls_client.py.
    @discardableResult
    func judge(_ scenario: String, at location: SourceLocation = #_sourceLocation) async throws -> String {
        let (status, output) = try await runCommand(
            "/usr/bin/env",
            ["python3", "\(packageRoot)/Tests/oracles/tls_client.py", "\(port)", authorityFile, scenario])
        #expect(status == 0, "\(scenario): \(output)", sourceLocation: location)
        return output
    }

    /// Waits until no connection has a handler any more.
    func becomesIdle() async throws { try await eventually("idleness") { self.seen.open == 0 } }
}
