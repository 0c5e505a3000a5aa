import CurlHTTP
import Foundation

/// Registries that keep manifests or blobs elsewhere.
extension RegistryClient {
    static let maximumRedirects = 5

    /// Follows with the same method. The registry itself is asked as always; elsewhere the addresses are
    /// signed by themselves, and no credentials go there.
    func followed(_ response: HTTPResponse, of request: HTTPRequest) async throws -> HTTPResponse {
        var (response, request) = (response, request)
        for _ in 0..<Self.maximumRedirects {
            guard [301, 302, 303, 307, 308].contains(response.status) else { return response }
            guard let location = response.header("Location"),
                let target = URL(string: location, relativeTo: URL(string: request.url))?.absoluteURL,
                mayAsk(target)
            else {
                throw Self.unavailable("The image registry redirects to where it may not.")
            }
            request.url = target.absoluteString
            response = try await isRegistry(target) ? send(request) : exchange(request)
        }
        throw Self.unavailable("The image registry redirects without an end.")
    }

    /// https anywhere, or the registry's own host.
    private func mayAsk(_ target: URL) -> Bool {
        guard let host = target.host(), !host.isEmpty, target.user() == nil else { return false }
        let own = URL(string: url)
        return target.scheme == "https" || target.scheme == own?.scheme && host == own?.host()
    }

    private func isRegistry(_ target: URL) -> Bool {
        let own = URL(string: url)
        return target.scheme == own?.scheme && target.host() == own?.host() && target.port == own?.port
    }
}
