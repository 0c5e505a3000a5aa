import CurlHTTP
import Foundation
import JWTKit
import TestSupport
import Testing

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
        token: (String) async throws -> String
    ) async throws -> TestBrowser.Page {
        try provider.publish()
        let browser = TestBrowser(service)
        let query = try await browser.begin().query
        provider.token = try await token(try #require(query["nonce"]))
        try provider.publish()
        return try await browser.open(
            "GET", "/cp/auth/callback?code=a-code&state=\(try #require(query["state"]))")
    }

    @Test func everyKindOfKeyThatProvidersUseIsTaken() async throws {
        try await ScriptedProvider.run { service, provider in
            let keys = [try await ProviderKey.rs256("r"), try await .es256("e"), try await .ed25519("d")]
            // Kinds that are not known, and keys for encryption, are in the set too.
            provider.keys =
                [["kty": "oct", "k": "AAAA", "kid": "o"], ["kty": "EC", "crv": "secp256k1", "kid": "k"]]
                + keys.map(\.published)
            for key in keys {
                let page = try await signIn(service, provider) { nonce in
                    try await key.sign(Claims(iss: provider.server.url, nonce: nonce))
                }
                #expect(page.status == 302, "\(key.id): \(page.body)")
            }
            #expect(try await service.count("sessions") == 3)
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
            let key = try await ProviderKey.es256("e")
            provider.keys = [key.published]
            for (name, change) in Self.wrong {
                let page = try await signIn(service, provider) { nonce in
                    var claims = Claims(iss: provider.server.url, nonce: nonce)
                    change(&claims)
                    return try await key.sign(claims)
                }
                #expect(page.status == 403 && page.code == "sign_in_refused", "\(name): \(page.body)")
            }
            #expect(try await service.count("sessions") == 0)
            #expect(try await service.count("users") == 0)
            let right = try await signIn(service, provider) { nonce in
                var claims = Claims(iss: provider.server.url, nonce: nonce)
                (claims.aud, claims.azp) = ([ScriptedProvider.clientID, "other"], ScriptedProvider.clientID)
                claims.exp = Int(Date().timeIntervalSince1970) - 30
                return try await key.sign(claims)
            }
            #expect(right.status == 302, "clocks may differ a little, and a token may be for several")
        }
    }

    @Test func aTokenThatTheProviderDidNotSignSignsNobodyIn() async throws {
        try await ScriptedProvider.run { service, provider in
            let (key, other) = (try await ProviderKey.rs256("r"), try await ProviderKey.rs256("r"))
            provider.keys = [key.published]
            let forgeries: [(String, @Sendable (Claims) async throws -> String)] = [
                ("none", { try Self.unsigned($0, algorithm: "none") }),
                ("None", { try Self.unsigned($0, algorithm: "None") }),
                ("no algorithm", { try Self.unsigned($0, algorithm: "") }),
                ("the public key as a secret", { try await Self.hmac($0, secret: key.pem) }),
                ("its modulus as a secret", { try await Self.hmac($0, secret: key.published["n"] ?? "") }),
                ("another key of the same name", { try await other.sign($0) }),
                ("a critical extension", { try await key.sign($0, header: ["crit": ["exp"]]) }),
                ("another subject", { try Self.tampered(try await key.sign($0)) }),
                ("no signature", { Self.stripped(try await key.sign($0)) }),
                ("nonsense", { _ in "a.b.c" }), ("nothing", { _ in "" }),
            ]
            for (name, forge) in forgeries {
                let page = try await signIn(service, provider) { nonce in
                    try await forge(Claims(iss: provider.server.url, nonce: nonce))
                }
                #expect(page.status == 403 && page.code == "sign_in_refused", "\(name): \(page.body)")
            }
            #expect(try await service.count("sessions") == 0)
        }
    }

    private static func unsigned(_ claims: Claims, algorithm: String) throws -> String {
        let header = Array(#"{"alg":"\#(algorithm)","kid":"r"}"#.utf8).base64URL
        return "\(header).\(Array(try JSONEncoder().encode(claims)).base64URL)."
    }

    private static func stripped(_ token: String) -> String {
        token.split(separator: ".").prefix(2).joined(separator: ".") + "."
    }

    private static func hmac(_ claims: Claims, secret: String) async throws -> String {
        let signers = await JWTKeyCollection().add(
            hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: "r")
        return try await signers.sign(claims, kid: "r")
    }

    private static func tampered(_ token: String) throws -> String {
        var parts = token.split(separator: ".").map(String.init)
        let bytes = try #require(Data(base64Encoded: padded(parts[1])))
        let text = String(decoding: bytes, as: UTF8.self).replacing("ada", with: "eve")
        parts[1] = Array(text.utf8).base64URL
        return parts.joined(separator: ".")
    }

    private static func padded(_ text: String) -> String {
        text.replacing("-", with: "+").replacing("_", with: "/")
            + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }

    @Test func aNewKeyIsLookedForAndAnUnknownOneOnlyNowAndThen() async throws {
        try await ScriptedProvider.run { service, provider in
            let (old, new) = (try await ProviderKey.es256("one"), try await ProviderKey.es256("two"))
            let stranger = try await ProviderKey.es256("three")
            provider.keys = [old.published]
            func sign(by key: ProviderKey) async throws -> Int {
                try await signIn(service, provider) { nonce in
                    try await key.sign(Claims(iss: provider.server.url, nonce: nonce))
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
