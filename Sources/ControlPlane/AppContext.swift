import FoundationEssentials
import Hummingbird
import Logging

/// What travels with one request.
struct AppContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by the gate, before the route's handler runs.
    var caller = Caller.anyone
    /// Set by the gate where the route is for customers and its path names an organisation: `org()` reads it.
    var foundOrg: Org?
    /// Of the socket's other end; nil where it has none.
    let peerAddress: String?
    /// Of whoever the request comes from, also behind trusted proxies.
    var clientAddress: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peerAddress = source.channel.remoteAddress?.ipAddress
        clientAddress = peerAddress
    }

    var maxUploadSize: Int { RequestBody.maximumBytes }
}

extension Response {
    /// Keys sorted, dates RFC 3339: the same value gives the same bytes.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let body = try JSONEncoder.wire.encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension JSONEncoder {
    static var wire: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        }
        return encoder
    }
}
