#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A small OpenID Connect provider, so that people can sign in where there is no other: the authorization
/// code flow with PKCE, and nothing else. Its issuer is the address under which it is asked.
actor OIDCService {
    static let tokenSeconds = 300
    /// People that the page remembers.
    static let maximumPeople = 5

    private let settings: Settings.OIDCSettings
    private var keys: SigningKeys
    private var codes = AuthorizationCodes()
    private var people: [Person] = []

    /// - Throws: when libcrypto makes no key.
    init(_ settings: Settings.OIDCSettings) throws {
        self.settings = settings
        keys = try SigningKeys()
    }

    func answer(_ call: HTTPCall) -> HTTPAnswer {
        switch (call.method, call.path) {
        case ("GET", "/.well-known/openid-configuration"): .json(200, discovery(issuer(call)))
        case ("GET", "/jwks"): .json(200, keys.published)
        case ("GET", "/authorize"): ask(call.queryItems)
        case ("POST", "/authorize"): decide(FormText.parse(String(decoding: call.body, as: UTF8.self)), call)
        case ("POST", "/token"): exchange(call)
        case ("POST", "/_localcloud/rotate"): rotate(call)
        default: .text(404, "no such page\n")
        }
    }

    private func issuer(_ call: HTTPCall) -> String { "http://" + (call.header("host") ?? "localhost") }

    /// Source: OpenID Connect Discovery 1.0, section 3.
    private func discovery(_ issuer: String) -> JSONValue {
        [
            "issuer": .string(issuer), "authorization_endpoint": .string(issuer + "/authorize"),
            "token_endpoint": .string(issuer + "/token"), "jwks_uri": .string(issuer + "/jwks"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"], "scopes_supported": ["openid", "email"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"], "claims_supported": ["sub", "email"],
            "authorization_response_iss_parameter_supported": true,
        ]
    }

    /// `?retire=true`: what was signed before cannot be verified any more.
    private func rotate(_ call: HTTPCall) -> HTTPAnswer {
        guard call.source.hasPrefix("127.") || call.source == "::1" else { return .empty(404) }
        do {
            try keys.rotate(retiresOthers: call.queryItem("retire") == "true")
        } catch {
            return .text(500, "no key was made\n")
        }
        return .json(200, ["kid": .string(keys.currentID)])
    }

    // MARK: The browser

    private func ask(_ query: [(name: String, value: String)]) -> HTTPAnswer {
        switch AuthorizationOrder(query, clientID: settings.clientID) {
        case .wrongClient(let reason): .html(400, SignInPage.refusal(reason))
        case .wrongRequest(let back): .redirect(back)
        case .right:
            .html(
                200,
                SignInPage.html(
                    query: query, clientID: settings.clientID,
                    hint: query.first { $0.name == "login_hint" }?.value ?? "", people: people))
        }
    }

    private func decide(_ form: [(name: String, value: String)], _ call: HTTPCall) -> HTTPAnswer {
        func field(_ name: String) -> String? { form.first { $0.name == name }?.value }
        switch AuthorizationOrder(form, clientID: settings.clientID) {
        case .wrongClient(let reason): return .html(400, SignInPage.refusal(reason))
        case .wrongRequest(let back): return .redirect(back)
        case .right(let request):
            guard field("cancel") == nil else { return .redirect(request.refusal("access_denied")) }
            let known = field("as").flatMap { email in people.first { $0.email == email } }
            let typed = Person(email: field("email") ?? "", isVerified: field("verified") == "yes")
            let person = known ?? typed
            guard person.email.contains("@"), person.email.utf8.count <= 320 else { return ask(form) }
            people = Array(([person] + people.filter { $0.email != person.email }).prefix(Self.maximumPeople))
            let code = codes.issue(request, to: person)
            return .redirect(request.back([("code", code), ("iss", issuer(call))]))
        }
    }

    // MARK: The client

    /// Source: OpenID Connect Core 1.0, section 3.1.3.
    private func exchange(_ call: HTTPCall) -> HTTPAnswer {
        let form = FormText.parse(String(decoding: call.body, as: UTF8.self))
        func field(_ name: String) -> String { form.first { $0.name == name }?.value ?? "" }
        guard isClient(call, field) else {
            return .json(401, ["error": "invalid_client"])
        }
        guard field("grant_type") == "authorization_code" else {
            return .json(400, ["error": "unsupported_grant_type"])
        }
        guard
            let grant = codes.redeem(
                field("code"), clientID: settings.clientID, redirectURI: field("redirect_uri"),
                verifier: field("code_verifier")),
            let token = try? keys.sign(token(grant, issuer: issuer(call)))
        else { return .json(400, ["error": "invalid_grant"]) }
        return .json(
            200,
            [
                "id_token": .string(token), "access_token": .string(ResourceID.hexadecimal(48)),
                "token_type": "Bearer", "expires_in": .integer(Self.tokenSeconds),
            ])
    }

    private func token(_ grant: AuthorizationCodes.Grant, issuer: String) -> IdentityToken {
        let now = Int(Date().timeIntervalSince1970)
        return IdentityToken(
            iss: issuer, sub: grant.person.subject, aud: settings.clientID, iat: now,
            exp: now + Self.tokenSeconds, nonce: grant.request.nonce, email: grant.person.email,
            emailVerified: grant.person.isVerified)
    }

    /// With its secret in the header or in the form.
    private func isClient(_ call: HTTPCall, _ field: (String) -> String) -> Bool {
        let prefix = "Basic "
        guard let header = call.header("authorization") else {
            return field("client_id") == settings.clientID && field("client_secret") == settings.clientSecret
        }
        guard header.hasPrefix(prefix), let pair = Data(base64Encoded: String(header.dropFirst(prefix.count)))
        else { return false }
        let halves = String(decoding: pair, as: UTF8.self).split(separator: ":", maxSplits: 1)
        return halves.count == 2 && FormText.decode(halves[0].utf8) == settings.clientID
            && FormText.decode(halves[1].utf8) == settings.clientSecret
    }
}
