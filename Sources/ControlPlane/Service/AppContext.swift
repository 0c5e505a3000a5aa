import FoundationEssentials
import Hummingbird
import Logging
import Organisations

/// What travels with one request.
package struct AppContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Set by the gate, before the route's handler runs.
    var caller = Caller.anyone
    /// Set by the gate where the route is for customers and its path names an organisation: `org()` reads it.
    var foundOrg: Org?
    /// Of the socket's other end; nil where it has none.
    let peerAddress: String?
    /// Of whoever the request comes from, also behind trusted proxies.
    var clientAddress: String?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peerAddress = source.channel.remoteAddress?.ipAddress
        clientAddress = peerAddress
    }

    package var maxUploadSize: Int { RequestBody.maximumBytes }
}

extension Response {
    /// Keys sorted, dates RFC 3339: the same value gives the same bytes.
    package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let body = try JSONEncoder.wire.encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension AppContext {
    /// The caller as the gate has proved it, and where the request came from.
    package var origin: RequestOrigin {
        let (kind, name): (RequestOrigin.Kind, String) =
            switch caller {
            case .anyone: (.anyone, "")
            case .operator(let identity): (.operator, identity.name)
            case .tenant(let identity): (.tenant, identity.orgID.text)
            case .user(let identity): (.user, identity.id)
            case .key(let credential):
                (credential.kind == .partner ? .partnerKey : .orgToken, credential.label)
            }
        return RequestOrigin(kind: kind, name: name, address: clientAddress, requestID: id)
    }
}
