import CurlHTTP
import Foundation
import JWTKit
import TestSupport
import Testing

@testable import Billing
@testable import Digests
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

/// A provider that says whatever a test makes it say, right or wrong.
final class ScriptedProvider {
    static let clientID = "platform"

    let server: ScriptedServer
    var keys: [[String: String]] = []
    var token = ""

    init(folder: String) async throws { server = try await ScriptedServer(folder: folder) }

    var environment: [String: String] {
        [
            "OIDC_ISSUER": server.url, "OIDC_CLIENT_ID": Self.clientID,
            "OIDC_CLIENT_SECRET": "a-secret-of-the-platform",
        ]
    }

    func publish() throws {
        let about = [
            "issuer": server.url, "authorization_endpoint": server.url + "/authorize",
            "token_endpoint": server.url + "/token", "jwks_uri": server.url + "/jwks",
        ]
        try server.answer([
            "/.well-known/openid-configuration": [.init(status: 200, body: try text(about))],
            "/jwks": [.init(status: 200, body: try text(["keys": keys]))],
            "/token": [.init(status: 200, body: try text(["id_token": token]))],
        ])
    }

    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    var keyRequests: Int { get throws { try server.requests("/jwks").count } }

    static func run(
        _ body: @Sendable @escaping (TestService, ScriptedProvider) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let provider = try await ScriptedProvider(folder: folder)
            let environment = provider.environment
            nonisolated(unsafe) let shared = provider
            do {
                try await TestService.run(environment) { try await body($0, shared) }
            } catch {
                await provider.server.stop()
                throw error
            }
            await provider.server.stop()
        }
    }
}

/// A token's content, right unless a test changes it.
struct Claims: JWTPayload {
    var iss: String?
    var sub: String? = "ada"
    var aud: [String]? = [ScriptedProvider.clientID]
    var azp: String?
    var iat: Int? = Int(Date().timeIntervalSince1970)
    var exp: Int? = Int(Date().timeIntervalSince1970) + 300
    var nonce: String?

    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// A key of the provider's, as it signs and as it is published.
struct ProviderKey: Sendable {
    var id: String
    var signers: JWTKeyCollection
    var published: [String: String]
    /// PEM, for an attack that uses it as a secret.
    var pem = ""

    func sign(_ claims: Claims, header: JWTHeader = JWTHeader()) async throws -> String {
        try await signers.sign(claims, kid: JWKIdentifier(string: id), header: header)
    }

    static func es256(_ id: String) async throws -> ProviderKey {
        let key = ES256PrivateKey()
        let point = try #require(key.publicKey.parameters)
        let signers = await JWTKeyCollection().add(ecdsa: key, kid: JWKIdentifier(string: id))
        return ProviderKey(
            id: id, signers: signers,
            published: [
                "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": url(point.x), "y": url(point.y),
            ], pem: key.publicKey.pemRepresentation)
    }

    static func ed25519(_ id: String) async throws -> ProviderKey {
        let key = try EdDSA.PrivateKey()
        let signers = await JWTKeyCollection().add(eddsa: key, kid: JWKIdentifier(string: id))
        let point = Array(key.publicKey.rawRepresentation).base64URL
        return ProviderKey(
            id: id, signers: signers, published: ["kty": "OKP", "crv": "Ed25519", "kid": id, "x": point])
    }

    static func rs256(_ id: String) async throws -> ProviderKey {
        let (status, pem) = try await runCommand("/usr/bin/openssl", ["genrsa", "2048"])
        try #require(status == 0)
        let start = try #require(pem.firstRange(of: "-----BEGIN"))
        let key = try Insecure.RSA.PrivateKey(pem: String(pem[start.lowerBound...]))
        let (modulus, exponent) = try key.publicKey.getKeyPrimitives()
        let signers = await JWTKeyCollection().add(
            rsa: key, digestAlgorithm: .sha256, kid: JWKIdentifier(string: id))
        return ProviderKey(
            id: id, signers: signers,
            published: [
                "kty": "RSA", "kid": id, "alg": "RS256", "n": Array(modulus).base64URL,
                "e": Array(exponent).base64URL,
            ], pem: key.publicKey.pemRepresentation)
    }

    private static func url(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
