import Foundation

/// The local cloud's OpenID Connect provider, with one client.
package struct LocalIdentityProvider: Sendable {
    package static let clientID = "molecule-platform"
    package static let clientSecret = "a-secret-of-the-platform: with + and /"

    package let issuer: String
    private let process: ChildProcess
    private let folder: String

    private struct Ready: Decodable {
        var oidcIssuer: String

        enum CodingKeys: String, CodingKey { case oidcIssuer = "oidc_issuer" }
    }

    package init() async throws {
        folder = try makeTemporaryFolder("oidc")
        let ready = "\(folder)/ready.json"
        process = try ChildProcess(
            builtProduct("localcloud"),
            [
                "serve", "--driver", "simulated", "--port-base", "0", "--folder", folder, "--name",
                "test-\(folder.suffix(6))", "--ready-file", ready,
            ],
            environment: [
                "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
                "CLOUDFLARE_API_TOKEN": "token", "LOG_LEVEL": "error", "OIDC_CLIENT_ID": Self.clientID,
                "OIDC_CLIENT_SECRET": Self.clientSecret,
            ])
        do {
            try await eventually("the local cloud") { FileManager.default.fileExists(atPath: ready) }
            issuer = try JSONDecoder().decode(
                Ready.self, from: Data(contentsOf: URL(filePath: ready))
            ).oidcIssuer
        } catch {
            await process.stop()
            throw error
        }
    }

    package func stop() async {
        await process.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What a control plane is told of it.
    package var environment: [String: String] {
        [
            "OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": Self.clientID, "OIDC_CLIENT_SECRET": Self.clientSecret,
        ]
    }
}
