import Testing

@testable import LocalCloud

/// The provider's own side: what it takes from clients, and what it does not.
@Suite struct OIDCTests {
    /// RFC 7636, appendix B.
    private static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    private static let request = AuthorizationRequest(
        clientID: "platform", redirectURI: "https://cp.example/back", state: "s", nonce: "n",
        challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")

    private func redeem(
        client: String = "platform", redirect: String = "https://cp.example/back",
        verifier: String = OIDCTests.verifier, times: Int = 1
    ) -> Bool {
        var codes = AuthorizationCodes()
        let code = codes.issue(Self.request, to: Person(email: "ada@people.example", isVerified: true))
        var grant: AuthorizationCodes.Grant?
        for _ in 0..<times {
            grant = codes.redeem(code, clientID: client, redirectURI: redirect, verifier: verifier)
        }
        return grant?.person.email == "ada@people.example"
    }

    @Test func aCodeIsForItsClientItsAddressItsVerifierAndOnce() {
        #expect(redeem())
        #expect(!redeem(client: "other"))
        #expect(!redeem(redirect: "https://cp.example/other"))
        #expect(!redeem(verifier: String(repeating: "a", count: 43)))
        #expect(!redeem(verifier: ""))
        #expect(!redeem(times: 2))
    }

    private func order(_ changes: [String: String?] = [:]) -> AuthorizationOrder {
        var fields: [String: String?] = [
            "client_id": "platform", "redirect_uri": "https://cp.example/back", "response_type": "code",
            "scope": "openid email", "state": "s", "nonce": "n", "code_challenge_method": "S256",
            "code_challenge": Self.request.challenge,
        ]
        fields.merge(changes) { $1 }
        let query = fields.compactMap { name, value in value.map { (name: name, value: $0) } }
        return AuthorizationOrder(query, clientID: "platform")
    }

    @Test func aRequestIsTakenAsAWholeOrRefused() {
        #expect(order() == .right(Self.request))
        for changes in [["client_id": "other"], ["redirect_uri": nil], ["redirect_uri": "javascript:x"]] {
            guard case .wrongClient = order(changes) else {
                Issue.record("\(changes) was sent on")
                continue
            }
        }
        let wrong: [(String, String?, String)] = [
            ("response_type", "token", "unsupported_response_type"), ("scope", "email", "invalid_scope"),
            ("code_challenge", nil, "invalid_request"), ("code_challenge_method", "plain", "invalid_request"),
        ]
        for (name, value, error) in wrong {
            let back = "https://cp.example/back?error=\(error)&state=s"
            #expect(order([name: value]) == .wrongRequest(back: back))
        }
    }

    @Test func aPageShowsWhatItIsGivenAsText() {
        let html = SignInPage.html(
            query: [("state", "\"><script>")], clientID: "<b>", hint: "'\"", people: [])
        #expect(!html.contains("<script>") && !html.contains("<b><b>"))
        #expect(html.contains("&quot;&gt;&lt;script&gt;"))
    }
}
