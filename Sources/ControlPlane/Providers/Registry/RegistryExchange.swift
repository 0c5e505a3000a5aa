import AdminProtocol
import CurlHTTP
import FoundationEssentials

/// Requests to the registry, with the credentials that it asks for.
extension RegistryClient {
    /// Sends, and sends once more with what a 401 asks for.
    /// - Throws: `registry_unavailable` or `registry_unauthorized` (502).
    package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        let response = try await exchange(request)
        guard response.status == 401 else { return response }
        let user = try await login.user()
        var again = request
        again.headers.append(HTTPField("Authorization", try await authorization(response, user)))
        let answer = try await exchange(again)
        guard answer.status == 401 || answer.status == 403 else { return answer }
        if let user { await login.refused(user) }
        throw Self.unauthorized
    }

    package func exchange(_ request: HTTPRequest) async throws -> HTTPResponse {
        do {
            return try await http.send(request)
        } catch HTTPError.cancelled {
            throw CancellationError()
        } catch {
            throw AppError(
                .upstream, "registry_unavailable", "The image registry does not answer.", cause: error)
        }
    }

    static func unavailable(_ message: String) -> AppError {
        AppError(.upstream, "registry_unavailable", message)
    }

    package static let unauthorized = AppError(
        .upstream, "registry_unauthorized",
        "The image registry refused the platform's credentials. See REGISTRY_AUTH.")

    // MARK: Challenges

    private func authorization(_ response: HTTPResponse, _ user: RegistryUser?) async throws -> String {
        let headers = response.headers.filter { $0.name.lowercased() == "www-authenticate" }
        let challenges = headers.flatMap { RegistryChallenge.parse($0.value) }
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            return "Bearer " + (try await token(challenge, user))
        }
        guard challenges.contains(where: { $0.scheme == "basic" }), let user else { throw Self.unauthorized }
        return user.basic
    }

    private struct TokenAnswer: Decodable {
        var token: String?
        /// The same, as OAuth 2.0 calls it.
        var accessToken: String?

        enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
        }
    }

    /// Source: distribution, "Token Authentication Specification". Without a user the token is anonymous.
    private func token(_ challenge: RegistryChallenge, _ user: RegistryUser?) async throws -> String {
        guard let realm = challenge.parameters["realm"], var address = URLComponents(string: realm),
            mayReceiveCredentials(address)
        else {
            throw AppError(
                .upstream, "registry_unauthorized",
                "The image registry names a token server to which credentials may not be sent: it is neither "
                    + "https nor the registry's own host.")
        }
        var items = address.queryItems ?? []
        for name in ["service", "scope"] {
            if let value = challenge.parameters[name] { items.append(URLQueryItem(name: name, value: value)) }
        }
        if !items.isEmpty { address.queryItems = items }
        var request = HTTPRequest("GET", address.string ?? realm)
        if let user { request.headers = [HTTPField("Authorization", user.basic)] }
        request.timeout = Self.timeout
        let response = try await exchange(request)
        if response.status == 401 || response.status == 403 {
            if let user { await login.refused(user) }
            throw Self.unauthorized
        }
        let answer = try? JSONDecoder().decode(TokenAnswer.self, from: Data(response.body))
        guard response.status == 200, let token = answer?.token ?? answer?.accessToken, !token.isEmpty else {
            throw Self.unavailable("The image registry's token server answered \(response.status).")
        }
        return token
    }

    /// The registry's own host, or another over https. A registry that is reached over plain http, where
    /// anybody on the way could have written the header, cannot name another.
    private func mayReceiveCredentials(_ address: URLComponents) -> Bool {
        guard let own = URLComponents(string: url), let host = address.host, !host.isEmpty,
            address.user == nil
        else { return false }
        let isOwnHost = host.lowercased() == own.host?.lowercased()
        switch address.scheme {
        case "https": return isOwnHost || own.scheme == "https"
        case "http": return isOwnHost && own.scheme == "http"
        default: return false
        }
    }
}
