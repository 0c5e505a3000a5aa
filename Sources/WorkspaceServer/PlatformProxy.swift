import CurlHTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// Hands a few of the platform's routes on, so that a browser needs one origin only. Adds no credential
/// of the tenant: whoever asks shows their own.
struct PlatformProxy: Sendable {
    /// nil refuses everything.
    let upstreamURL: String?
    let http: HTTPClient

    static let maximumBodyBytes = 1 << 20

    /// Whether the path may pass. Nothing that a server might read as another path does: no dot segments,
    /// no empty ones, no escapes.
    static func allows(_ path: String) -> Bool {
        guard !path.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "\\") }),
            !path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().dropLast()
                .contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
            !path.hasSuffix("/."), !path.hasSuffix("/..")
        else { return false }
        if ["/cp/auth/", "/cp/billing/", "/cp/legal/"].contains(where: path.hasPrefix) { return true }
        return ["/cp/orgs", "/cp/templates"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    func forward(_ request: Request) async throws -> Response {
        guard let upstreamURL, Self.allows(request.uri.path) else { throw Problem.notFound }
        let body = try await request.body.collect(upTo: Self.maximumBodyBytes)
        let query = request.uri.query.map { "?\($0)" } ?? ""
        let question = CurlHTTP.HTTPRequest(
            request.method.rawValue, upstreamURL + request.uri.path + query,
            headers: Self.passed(request.headers), body: Array(body.readableBytesView))
        do {
            let answer = try await http.send(question)
            return Response(
                status: .init(code: answer.status), headers: Self.passed(answer.headers),
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
        } catch is CurlHTTP.HTTPError {
            throw Problem(status: .badGateway, detail: "the platform does not answer")
        }
    }

    /// Of one connection only (RFC 9110, section 7.6.1), or made anew by the next hop.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "host", "content-length", "expect", "accept-encoding",
    ]

    private static func passed(_ fields: HTTPFields) -> [CurlHTTP.HTTPField] {
        fields.filter { !hopByHop.contains($0.name.canonicalName) }
            .map { CurlHTTP.HTTPField($0.name.rawName, $0.value) }
    }

    private static func passed(_ fields: [CurlHTTP.HTTPField]) -> HTTPFields {
        var result = HTTPFields()
        for field in fields where !hopByHop.contains(field.name.lowercased()) {
            guard let name = HTTPTypes.HTTPField.Name(field.name) else { continue }
            result.append(.init(name: name, value: field.value))
        }
        return result
    }
}
