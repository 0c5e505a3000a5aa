/// HTTP/1.1 and HTTP/2 over libcurl: one event loop on one thread for all of a client's requests, with
/// connections kept open and shared. TLS 1.2 or later, always verified.
///
/// Share one client for a process. It ends with `shutdown()`, or when its last user lets go of it.
package final class HTTPClient: Sendable {
    private let loop: TransferLoop

    package init(configuration: Configuration = .environment) {
        loop = TransferLoop(Defaults(configuration))
    }

    deinit { loop.shutdown() }

    /// The whole answer. Cancelling the task gives the request up at once.
    /// - Throws: `HTTPError`
    package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try checkLimits(of: request, loop.defaults.configuration)
        return try await start(Transfer(request, stream: nil))
    }

    /// The head of the answer, and its body as it arrives. At most some 256 KiB are read ahead: a slow
    /// reader slows the sender. Letting go of the body ends the request.
    /// - Throws: `HTTPError`, also from the body.
    package func stream(
        _ request: HTTPRequest
    ) async throws -> (head: HTTPResponse, body: AsyncThrowingStream<[UInt8], any Error>) {
        try checkLimits(of: request, loop.defaults.configuration)
        let buffer = StreamBuffer()
        let transfer = Transfer(request, stream: buffer)
        let reader = StreamReader(client: self, loop: loop, transfer: transfer, buffer: buffer)
        let timer = Task { [loop] in
            try await Task.sleep(for: request.timeout)
            loop.stop(transfer, .timedOut)
        }
        defer { timer.cancel() }
        let head = try await start(transfer)
        return (head, AsyncThrowingStream { try await reader.next() })
    }

    /// Ends the client: requests under way fail with `HTTPError.interrupted`, later ones with `.closed`.
    /// Returns when its thread has ended.
    package func shutdown() { loop.shutdown() }

    private func start(_ transfer: Transfer) async throws -> HTTPResponse {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if transfer.wait(continuation) { loop.start(transfer) }
            }
        } onCancel: {
            loop.stop(transfer, .cancelled)
        }
    }
}

private func checkLimits(of request: HTTPRequest, _ configuration: HTTPClient.Configuration) throws(HTTPError)
{
    guard isToken(request.method) else { throw .invalidRequest("method") }
    guard let colon = request.url.firstRange(of: "://"),
        ["http", "https"].contains(request.url[..<colon.lowerBound].lowercased()),
        request.url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else { throw .invalidRequest("the URL is not an absolute http or https URL") }
    guard request.body.count <= configuration.maximumRequestBytes else {
        throw .invalidRequest("the body is longer than \(configuration.maximumRequestBytes) bytes")
    }
    var bytes = request.url.utf8.count
    for field in request.headers {
        guard isToken(field.name) else { throw .invalidRequest("header name") }
        guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .invalidRequest("the value of header \(field.name) has a control character")
        }
        bytes += field.name.utf8.count + field.value.utf8.count + 4
    }
    guard bytes <= configuration.maximumHeaderBytes else {
        throw .invalidRequest("the headers are longer than \(configuration.maximumHeaderBytes) bytes")
    }
}

/// RFC 9110, section 5.6.2.
private func isToken(_ text: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
}
