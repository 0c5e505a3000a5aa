import CCrypto
import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import JSONWebTokens
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// A provider that says whatever a test makes it say, right or wrong.
final class ScriptedProvider {
    static let clientID = "platform"

    let server: ScriptedServer
    var keys: [[String: String]] = []
    var token = ""
    /// In place of the keys.
    var answersKeys: (status: Int, body: String)?

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
            "/jwks": [
                .init(status: answersKeys?.status ?? 200, body: try answersKeys?.body ?? text(["keys": keys]))
            ],
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
struct Claims: Encodable {
    var iss: String?
    var sub: String? = "ada"
    var aud: [String]? = [ScriptedProvider.clientID]
    var azp: String?
    var iat: Int? = Int(Date().timeIntervalSince1970)
    var exp: Int? = Int(Date().timeIntervalSince1970) + 300
    var nonce: String?
}

/// A key of the provider's, as it signs and as it is published.
struct ProviderKey: Sendable {
    let key: SigningKey
    var published: [String: String]
    var id: String { key.id }

    /// - Parameter omitted: members that providers leave out, too.
    init(_ algorithm: SignatureAlgorithm, _ id: String, without omitted: [String] = []) throws {
        key = try SigningKey(algorithm, id: id)
        published = key.published.filter { !omitted.contains($0.key) }
    }

    func sign(_ claims: Claims) throws -> String { try key.sign(claims) }

    /// - Parameters: JSON.
    func sign(header: String, claims: String) throws -> String {
        try key.sign(header: Array(header.utf8), content: Array(claims.utf8))
    }

    /// For an attack that uses it as a secret.
    var pem: String {
        var der: UnsafeMutablePointer<UInt8>?
        let length = Int(i2d_PUBKEY(key.handle.pointer, &der))
        guard let der, length > 0 else { return "" }
        defer { free(der) }
        let text = Data(bytes: der, count: length).base64EncodedString(options: .lineLength64Characters)
        return "-----BEGIN PUBLIC KEY-----\n\(text.replacing("\r\n", with: "\n"))\n-----END PUBLIC KEY-----\n"
    }
}
