import CurlHTTP
import Digests
import FoundationEssentials
import WireText

/// The authorization code flow with PKCE. Sources: OpenID Connect Core 1.0, section 3.1; RFC 7636.
extension OIDCProvider {
    /// What binds one sign-in together.
    package struct Challenge: Sendable {
        package var state: String
        package var nonce: String
        /// Only the token endpoint gets it; the browser carries its hash.
        package var verifier: String

        package init(state: String, nonce: String, verifier: String) {
            self.state = state
            self.nonce = nonce
            self.verifier = verifier
        }
    }

    /// Where the browser goes to sign in.
    /// - Parameter isSignUp: asks the provider to begin with a new account, where it knows how.
    package func authorizationURL(_ challenge: Challenge, isSignUp: Bool) async throws -> String {
        let metadata = try await about()
        var query = [
            (name: "response_type", value: "code"), ("client_id", settings.clientID),
            ("redirect_uri", settings.redirectURL), ("scope", settings.scopes.joined(separator: " ")),
            ("state", challenge.state), ("nonce", challenge.nonce),
            ("code_challenge", TokenHash(of: challenge.verifier).bytes.base64URL),
            ("code_challenge_method", "S256"),
        ]
        if isSignUp {
            query.append(("screen_hint", "sign-up"))
            if metadata.promptValues?.contains("create") == true { query.append(("prompt", "create")) }
        }
        let endpoint = metadata.authorizationEndpoint
        return endpoint + (endpoint.contains("?") ? "&" : "?") + FormText.encode(query)
    }

    private struct Tokens: Decodable {
        var idToken: String
        var accessToken: String?

        enum CodingKeys: String, CodingKey {
            case idToken = "id_token"
            case accessToken = "access_token"
        }
    }

    /// Who has signed in.
    /// - Throws: `sign_in_refused` (403) when the provider does not take the code, or its token is not what
    ///   it has to be; `identity_provider_unavailable` or `identity_provider_invalid` (502).
    package func exchange(code: String, _ challenge: Challenge) async throws -> IDToken {
        let metadata = try await about()
        let tokens = try await tokens(for: code, challenge, metadata)
        var token = try await verified(tokens.idToken)
        try IDTokenCheck(issuer: settings.issuer, clientID: settings.clientID, nonce: challenge.nonce)
            .check(token, at: .now)
        if token.email == nil, let endpoint = metadata.userinfoEndpoint, let access = tokens.accessToken {
            try await complete(&token, from: endpoint, access)
        }
        return token
    }

    private func tokens(
        for code: String, _ challenge: Challenge, _ metadata: OIDCMetadata
    ) async throws -> Tokens {
        var form = [
            (name: "grant_type", value: "authorization_code"), ("code", code),
            ("redirect_uri", settings.redirectURL), ("code_verifier", challenge.verifier),
        ]
        var request = HTTPRequest("POST", metadata.tokenEndpoint)
        if metadata.wantsSecretInBody {
            form += [("client_id", settings.clientID), ("client_secret", settings.clientSecret)]
        } else {
            request.headers.append(HTTPField("Authorization", basicCredentials))
        }
        request.headers += [
            HTTPField("Content-Type", "application/x-www-form-urlencoded"),
            HTTPField("Accept", "application/json"),
        ]
        request.body = Array(FormText.encode(form).utf8)
        let response = try await send(request)
        switch response.status {
        case 200:
            do {
                return try JSONDecoder().decode(Tokens.self, from: Data(response.body))
            } catch {
                throw OIDCFailure.invalid("Its answer to a sign-in \(OIDCFailure.fault(error)).")
            }
        case 401: throw OIDCFailure.invalid("It refused OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.")
        case 400..<500: throw OIDCFailure.refused("The identity provider did not take the code.")
        default: throw OIDCFailure.invalid("It answered \(response.status) to a sign-in.")
        }
    }

    /// RFC 6749, section 2.3.1: both are form-encoded first.
    private nonisolated var basicCredentials: String {
        let pair = FormText.encode(settings.clientID) + ":" + FormText.encode(settings.clientSecret)
        return "Basic " + Data(pair.utf8).base64EncodedString()
    }

    private struct UserInfo: Decodable {
        var sub: String
        var email: String?
        var emailVerified: IDToken.Flag?

        enum CodingKeys: String, CodingKey {
            case sub, email
            case emailVerified = "email_verified"
        }
    }

    /// A provider may say the address only there (OpenID Connect Core 1.0, section 5.3), and about the same
    /// subject.
    private func complete(_ token: inout IDToken, from endpoint: String, _ access: String) async throws {
        let response = try await send(
            HTTPRequest("GET", endpoint, headers: [HTTPField("Authorization", "Bearer \(access)")]))
        guard response.status == 200,
            let info = try? JSONDecoder().decode(UserInfo.self, from: Data(response.body)),
            info.sub == token.subject
        else { return }
        token.email = info.email
        token.emailVerified = info.emailVerified
    }
}
