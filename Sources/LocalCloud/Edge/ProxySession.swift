import NIOCore
import TunnelLink

/// A service ends a connection that has been idle for a while, and a request may be on its way just then. One
/// that must not be sent twice takes a kept connection only that has answered this lately.
private let freshTime: Duration = .seconds(2)

/// One client connection of the edge or of the platform front: forwards its requests one after another.
struct ProxySession<Backend: Upstreams> {
    private let upstreams: Backend
    private let client: ByteStream
    private var reader: ByteReader
    /// Kept for the next request to the same destination.
    private var kept: Kept?

    private struct Kept {
        let destination: String
        let reader: ByteReader
        let answeredAt = ContinuousClock.now
    }

    init(_ client: ByteStream, _ upstreams: Backend) {
        self.client = client
        self.upstreams = upstreams
        reader = ByteReader(client)
    }

    /// Returns when the client or the session is done.
    mutating func run() async {
        defer { kept?.reader.stream.close() }
        do {
            while let bytes = try await reader.head(limit: ProxiedHead.maximumBytes) {
                guard let head = ProxiedHead(bytes) else { throw EdgeFailure.badRequest }
                guard try await forward(head) else { return }
            }
        } catch let failure as EdgeFailure {
            try? await client.write(failure.page("The local edge could not reach the origin."))
            await client.finishWriting()
        } catch {
            return
        }
    }

    /// - Returns: whether the client's connection can take another request.
    private mutating func forward(_ head: ProxiedHead) async throws -> Bool {
        let destination = try await upstreams.destination(head)
        var request = head
        let framing = request.requestFraming
        try await rewrite(&request)
        var (upstream, answer) = try await exchange(request, framing, destination)
        while (100..<200).contains(answer.status), answer.status != 101 {
            try await client.write(answer.bytes)
            answer = try await Self.readHead(&upstream)
        }
        if answer.status == 101 {
            try await client.write(answer.bytes)
            await ByteStream.join(reader, upstream)
            return false
        }
        return try await deliver(answer, from: upstream, destination, request: head)
    }

    /// Sends the request and reads the answer's head. A kept connection may have been closed meanwhile by
    /// the service: a request that may be repeated (RFC 9110, section 9.2.2) is then sent again on a new one.
    private mutating func exchange(
        _ request: ProxiedHead, _ framing: BodyFraming, _ destination: String
    ) async throws -> (ByteReader, ProxiedHead) {
        if let kept, kept.destination == destination, kept.reader.stream.isOpen,
            upstreams.keeps(kept.reader.stream, destination)
        {
            self.kept = nil
            if request.isIdempotent, framing == .counted(0) {
                if let result = try? await attempt(request, framing, on: kept.reader) { return result }
            } else if kept.answeredAt.duration(to: .now) < freshTime {
                return try await attempt(request, framing, on: kept.reader)
            }
            kept.reader.stream.close()
        }
        kept?.reader.stream.close()
        kept = nil
        let fresh = try await upstreams.open(destination)
        do {
            return try await attempt(request, framing, on: fresh)
        } catch {
            fresh.stream.close()
            throw EdgeFailure.unreachable
        }
    }

    private mutating func attempt(
        _ request: ProxiedHead, _ framing: BodyFraming, on upstream: ByteReader
    ) async throws -> (ByteReader, ProxiedHead) {
        var upstream = upstream
        let target = upstream.stream
        try await target.write(request.bytes)
        try await framing.forward(&reader) { try await target.write($0) }
        let answer = try await Self.readHead(&upstream)
        return (upstream, answer)
    }

    private static func readHead(_ upstream: inout ByteReader) async throws -> ProxiedHead {
        guard let bytes = try await upstream.head(limit: ProxiedHead.maximumBytes),
            let head = ProxiedHead(bytes)
        else { throw EdgeFailure.unreachable }
        return head
    }

    private mutating func deliver(
        _ answer: ProxiedHead, from upstream: ByteReader, _ destination: String, request: ProxiedHead
    ) async throws -> Bool {
        var upstream = upstream
        let framing = answer.responseFraming(method: request.method)
        let clientStays = request.keepsAlive && framing != .untilEnd
        var head = answer
        head.remove("connection")
        head.remove("keep-alive")
        if !clientStays { head.set("Connection", "close") }
        do {
            try await client.write(head.bytes)
            try await framing.forward(&upstream) { [client] in try await client.write($0) }
        } catch {
            upstream.stream.close()
            throw error
        }
        if answer.keepsAlive && framing != .untilEnd {
            kept = Kept(destination: destination, reader: upstream)
        } else {
            upstream.stream.close()
        }
        return clientStays
    }

    /// Adds who asked, and answers `Expect: 100-continue` here: the body is read from the client anyway.
    private func rewrite(_ request: inout ProxiedHead) async throws {
        let earlier = request.header("x-forwarded-for").map { $0 + ", " } ?? ""
        request.set("X-Forwarded-For", earlier + client.remoteAddress)
        request.set("X-Forwarded-Proto", "https")
        request.set("CF-Connecting-IP", client.remoteAddress)
        if request.has("expect", token: "100-continue") {
            request.remove("expect")
            try await client.write("HTTP/1.1 100 Continue\r\n\r\n")
        }
        guard !request.isUpgrade else { return }
        request.remove("connection")
        request.remove("keep-alive")
    }
}
