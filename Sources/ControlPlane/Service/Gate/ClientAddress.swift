import HTTPTypes
import Hummingbird

/// The proxies in front of the service whose word about the client is taken.
struct TrustedProxies: Sendable {
    /// Entries of X-Forwarded-For that are looked at, from the right.
    static let maximumHops = 20

    let ranges: [AddressRange]

    /// Who a request comes from. X-Forwarded-For is read from the right, where the nearest proxy has written:
    /// the first address that is no trusted proxy's is the client's. What stands further to the left is the
    /// client's own word, and so is the whole header when it does not come from a trusted proxy.
    /// - Parameters:
    ///   - peer: of the socket's other end; nil where it has none
    ///   - forwarded: values of X-Forwarded-For in their order
    func client(peer: String?, forwarded: [String]) -> String? {
        guard let peer else { return nil }
        guard let address = IPAddress(peer) else { return peer }
        guard isTrusted(address) else { return address.text }
        var nearest = address
        let hops = forwarded.joined(separator: ",").split(separator: ",").map(\.trimmed)
        for hop in hops.filter({ !$0.isEmpty }).suffix(Self.maximumHops).reversed() {
            // A proxy that was believed wrote what is no address: nobody behind it is known.
            guard let next = IPAddress(hop) else { return nearest.text }
            nearest = next
            guard isTrusted(next) else { break }
        }
        return nearest.text
    }

    private func isTrusted(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = drop(while: blank)
        while let last = text.last, blank(last) { text.removeLast() }
        return text
    }
}

/// Finds out who a request comes from before anything asks for it.
struct ClientAddressMiddleware: RouterMiddleware {
    let proxies: TrustedProxies

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.clientAddress = proxies.client(
            peer: context.peerAddress, forwarded: request.headers[values: .xForwardedFor])
        return try await next(request, context)
    }
}

extension HTTPField.Name {
    static let xForwardedFor = HTTPField.Name("X-Forwarded-For")!
}
