import CurlHTTP
import Digests
import Foundation
import JSONWebTokens
import TestSupport
import Testing
import WireText

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What a provider's answer has to be before anybody is signed in by it.
@Suite struct IDTokenTests {
    /// One way there, with the token that a test makes for its nonce.
    private func signIn(
        _ service: TestService, _ provider: ScriptedProvider,
        token: (String) throws -> String
    ) async throws -> TestBrowser.Page {
        try provider.publish()
        let browser = TestBrowser(service)
        let query = try await browser.begin().query
        provider.token = try token(try #require(query["nonce"]))
        try provider.publish()
        return try await browser.open(
            "GET", "/cp/auth/callback?code=a-code&state=\(try #require(query["state"]))")
    }

    @Test func everyKindOfKeyThatProvidersUseIsTaken() async throws {
        try await ScriptedProvider.run { service, provider in
            let keys = try SignatureAlgorithm.allCases.flatMap { algorithm in
                try [["use"], ["alg", "use"]].enumerated().map { number, omitted in
                    try ProviderKey(algorithm, "\(algorithm.rawValue) \(number)", without: omitted)
                }
            }
            // Kinds that are not known, and keys for encryption, are in the set too.
            provider.keys =
                [["kty": "oct", "k": "AAAA", "kid": "o"], ["kty": "EC", "crv": "secp256k1", "kid": "k"]]
                + keys.map(\.published)
            for key in keys {
                let page = try await signIn(service, provider) { nonce in
                    try key.sign(Claims(iss: provider.server.url, nonce: nonce))
                }
                #expect(page.status == 302, "\(key.id): \(page.body)")
            }
            #expect(try await service.count("sessions") == keys.count)
            #expect(try provider.keyRequests == 1, "the keys are kept")
        }
    }

    private static let wrong: [(name: String, change: @Sendable (inout Claims) -> Void)] = [
        ("another issuer", { $0.iss = "https://other.example" }),
        ("no issuer", { $0.iss = nil }),
        ("another audience", { $0.aud = ["other"] }),
        ("no audience", { $0.aud = nil }),
        ("two audiences, issued to neither", { $0.aud = [ScriptedProvider.clientID, "other"] }),
        ("issued to another", { $0.azp = "other" }),
        ("expired", { $0.exp = Int(Date().timeIntervalSince1970) - 120 }),
        ("without an end", { $0.exp = nil }),
        ("from the future", { $0.iat = Int(Date().timeIntervalSince1970) + 120 }),
        ("another sign-in's", { $0.nonce = "other" }),
        ("no sign-in's", { $0.nonce = nil }),
        ("nobody's", { $0.sub = "" }),
        ("no subject", { $0.sub = nil }),
        ("a subject that is too long", { $0.sub = String(repeating: "s", count: 256) }),
        ("a subject with a line break", { $0.sub = "ada\nadmin" }),
    ]

    @Test func aTokenWithAWrongClaimSignsNobodyIn() async throws {
        try await ScriptedProvider.run { service, provider in
            let key = try ProviderKey(.es256, "e")
            provider.keys = [key.published]
            for (name, change) in Self.wrong {
                let page = try await signIn(service, provider) { nonce in
                    var claims = Claims(iss: provider.server.url, nonce: nonce)
                    change(&claims)
                    return try key.sign(claims)
                }
                #expect(page.status == 403 && page.code == "sign_in_refused", "\(name): \(page.body)")
            }
            #expect(try await service.count("sessions") == 0)
            #expect(try await service.count("users") == 0)
            let right = try await signIn(service, provider) { nonce in
                var claims = Claims(iss: provider.server.url, nonce: nonce)
                (claims.aud, claims.azp) = ([ScriptedProvider.clientID, "other"], ScriptedProvider.clientID)
                claims.exp = Int(Date().timeIntervalSince1970) - 30
                return try key.sign(claims)
            }
            #expect(right.status == 302, "clocks may differ a little, and a token may be for several")
        }
    }

    @Test func aTokenThatTheProviderDidNotSignSignsNobodyIn() async throws {
        try await ScriptedProvider.run { service, provider in
            let (key, other) = (try ProviderKey(.rs256, "r"), try ProviderKey(.rs256, "r"))
            provider.keys = [key.published]
            let forgeries: [(String, @Sendable (Claims) throws -> String)] = [
                ("none", { try Self.unsigned($0, algorithm: "none") }),
                ("None", { try Self.unsigned($0, algorithm: "None") }),
                ("no algorithm", { try Self.unsigned($0, algorithm: "") }),
                ("the public key as a secret", { try Self.hmac($0, secret: key.pem) }),
                ("its modulus as a secret", { try Self.hmac($0, secret: key.published["n"] ?? "") }),
                ("another key of the same name", { try other.sign($0) }),
                ("another scheme of the same key", { try Self.sign($0, by: key, #""alg":"PS256""#) }),
                ("a critical extension", { try Self.sign($0, by: key, #""alg":"RS256","crit":["exp"]"#) }),
                ("another subject", { try Self.tampered(try key.sign($0)) }),
                ("no signature", { Self.stripped(try key.sign($0)) }),
                ("a padded signature", { try key.sign($0) + "==" }),
                (
                    "a token that is too long",
                    { try Self.sign($0, by: key, #""alg":"RS256","x":"\#(Self.long)""#) }
                ),
                ("nonsense", { _ in "a.b.c" }), ("nothing", { _ in "" }),
            ]
            for (name, forge) in forgeries {
                let page = try await signIn(service, provider) { nonce in
                    try forge(Claims(iss: provider.server.url, nonce: nonce))
                }
                #expect(page.status == 403 && page.code == "sign_in_refused", "\(name): \(page.body)")
            }
            #expect(try await service.count("sessions") == 0)
        }
    }

    private static let long = String(repeating: "x", count: SignedToken.maximumLength)

    private static func sign(_ claims: Claims, by key: ProviderKey, _ header: String) throws -> String {
        let content = String(decoding: try JSONEncoder().encode(claims), as: UTF8.self)
        return try key.sign(header: "{\(header),\"kid\":\"\(key.id)\"}", claims: content)
    }

    private static func unsigned(_ claims: Claims, algorithm: String) throws -> String {
        let header = Array(#"{"alg":"\#(algorithm)","kid":"r"}"#.utf8).base64URL
        return "\(header).\(Array(try JSONEncoder().encode(claims)).base64URL)."
    }

    private static func stripped(_ token: String) -> String {
        token.split(separator: ".").prefix(2).joined(separator: ".") + "."
    }

    private static func hmac(_ claims: Claims, secret: String) throws -> String {
        let signed = try unsigned(claims, algorithm: "HS256").dropLast()
        return "\(signed).\(HMACKey(secret).authenticate(Array(signed.utf8)).bytes.base64URL)"
    }

    private static func tampered(_ token: String) throws -> String {
        var parts = token.split(separator: ".").map(String.init)
        let bytes = try #require([UInt8](base64URL: parts[1]))
        let text = String(decoding: bytes, as: UTF8.self).replacing("ada", with: "eve")
        parts[1] = Array(text.utf8).base64URL
        return parts.joined(separator: ".")
    }

    @Test func ofKeysOfOneIDTheFittingOneIsUsed() async throws {
        try await ScriptedProvider.run { service, provider in
            let keys = try SignatureAlgorithm.allCases.map { try ProviderKey($0, "k", without: ["alg"]) }
            var encrypting = try ProviderKey(.rs256, "k").published
            encrypting["use"] = "enc"
            provider.keys = [encrypting] + keys.map(\.published)
            for key in keys {
                let page = try await signIn(service, provider) { nonce in
                    try key.sign(Claims(iss: provider.server.url, nonce: nonce))
                }
                #expect(page.status == 302, "\(key.key.algorithm): \(page.body)")
            }
            #expect(try provider.keyRequests == 1)
        }
    }

    /// Claims as JSON, and what the refusal says of them.
    private static let misshapen: [(change: (name: String, value: String?), reason: String)] = [
        (("iss", "7"), "has a value of an unexpected type in iss"),
        (("sub", "7"), "has a value of an unexpected type in sub"),
        (("sub", "null"), "has a value of an unexpected type in sub"),
        (("sub", nil), "has no sub"), (("aud", "7"), "has a value of an unexpected type in aud"),
        (("aud", #"["platform",7]"#), "has a value of an unexpected type in aud"),
        (("aud", nil), "has no aud"),
        (("exp", #""tomorrow""#), "has a value of an unexpected type in exp"), (("exp", nil), "has no exp"),
        (("iat", "true"), "has a value of an unexpected type in iat"), (("iat", nil), "has no iat"),
        (("nonce", "7"), "has a value of an unexpected type in nonce"),
        (("azp", "{}"), "has a value of an unexpected type in azp"),
        (("email", #"["ada@people.example"]"#), "has a value of an unexpected type in email"),
        (("email_verified", "1"), "has a value of an unexpected type in email_verified"),
    ]

    @Test func aClaimOfAnUnexpectedTypeIsNamed() async throws {
        try await ScriptedProvider.run { service, provider in
            let key = try ProviderKey(.es256, "e")
            provider.keys = [key.published]
            for ((name, value), reason) in Self.misshapen {
                let page = try await signIn(service, provider) { nonce in
                    var claims = [
                        "iss": #""\#(provider.server.url)""#, "sub": #""ada""#, "aud": #""platform""#,
                        "iat": "1700000000", "exp": "4000000000", "nonce": #""\#(nonce)""#,
                    ]
                    claims[name] = value
                    return try key.sign(
                        header: #"{"alg":"ES256","kid":"e"}"#,
                        claims: "{" + claims.map { #""\#($0)":\#($1)"# }.joined(separator: ",") + "}")
                }
                #expect(page.status == 403 && page.code == "sign_in_refused", "\(name)")
                let detail = page.json["detail"]?.string ?? ""
                #expect(detail.contains("The identity provider's token \(reason)."), "\(name): \(detail)")
            }
            let page = try await signIn(service, provider) { _ in
                try key.sign(header: #"{"alg":"ES256","kid":"e"}"#, claims: "no JSON")
            }
            #expect(
                page.json["detail"]?.string?.contains("The identity provider's token cannot be read.") == true
            )
            #expect(try provider.keyRequests == 1, "the signature is its: no other key is asked for")
            #expect(try await service.count("sessions") == 0)
        }
    }

    @Test func aNewKeyIsLookedForAndAnUnknownOneOnlyNowAndThen() async throws {
        try await ScriptedProvider.run { service, provider in
            let (old, new) = (try ProviderKey(.es256, "one"), try ProviderKey(.es256, "two"))
            let stranger = try ProviderKey(.es256, "three")
            provider.keys = [old.published]
            func sign(by key: ProviderKey) async throws -> Int {
                try await signIn(service, provider) { nonce in
                    try key.sign(Claims(iss: provider.server.url, nonce: nonce))
                }.status
            }
            #expect(try await sign(by: old) == 302)
            provider.keys = [new.published]
            #expect(try await sign(by: new) == 302)
            #expect(try provider.keyRequests == 2)
            for _ in 0..<5 { #expect(try await sign(by: stranger) == 403) }
            #expect(try await sign(by: old) == 403, "a key that is published no more")
            #expect(try provider.keyRequests == 2, "the provider is not asked for every forgery")
        }
    }

    @Test func aProviderThatIsNotItselfIsNotUsed() async throws {
        try await ScriptedProvider.run { service, provider in
            let about = [
                "issuer": "https://other.example", "authorization_endpoint": "https://other.example/a",
                "token_endpoint": "https://other.example/t", "jwks_uri": "https://other.example/k",
            ]
            let browser = TestBrowser(service)
            for change in [("issuer", "https://other.example"), ("token_endpoint", "http://other.example/t")]
            {
                var about = about.merging(["issuer": provider.server.url]) { $1 }
                about[change.0] = change.1
                let body = String(decoding: try JSONEncoder().encode(about), as: UTF8.self)
                try provider.server.answer([
                    "/.well-known/openid-configuration": [.init(status: 200, body: body)]
                ])
                let page = try await browser.open("GET", "/cp/auth/login")
                #expect(page.status == 502 && page.code == "identity_provider_invalid", "\(change)")
            }
            await provider.server.stop()
            let gone = try await browser.open("GET", "/cp/auth/login")
            #expect(gone.status == 502 && gone.code == "identity_provider_unavailable")
            #expect(try await service.count("sign_ins") == 0)
        }
    }
}
