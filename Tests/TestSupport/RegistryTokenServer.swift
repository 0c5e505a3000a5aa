import Foundation

/// The token server of a registry that asks for bearer tokens: a real one signs them, and the registry checks
/// that. It knows one user; without credentials it gives tokens that open nothing.
package struct RegistryTokenServer: Sendable {
    package static let (username, password) = ("puller", "a-password-of-the-puller")

    package let realm: String
    let certificates: String
    private let log: String
    private let server: OracleServer

    private struct Announcement: Decodable { var realm, certificates: String }

    package init(folder: String) throws {
        log = "\(folder)/token-requests"
        server = try OracleServer(
            "registry_token_server.py", [folder, log, Self.username, Self.password],
            python: try Oracle.environment.get() + "/bin/python")
        let announcement = try JSONDecoder().decode(Announcement.self, from: server.announcement)
        realm = announcement.realm
        certificates = announcement.certificates
    }

    /// The queries so far, each with whether it came with the right credentials.
    package func requests() -> [String] {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }
}

extension TestRegistry.Access {
    /// The registry's `auth` section.
    func settings(_ folder: String) async throws -> String {
        switch self {
        case .open: return ""
        case .basic(let username, let password):
            let file = "\(folder)/htpasswd"
            let (status, output) = try await runCommand(
                "/usr/bin/htpasswd", ["-c", "-b", "-B", "-C", "4", file, username, password])
            guard status == 0 else { throw TestSupportError("htpasswd: \(output)") }
            return "auth: {htpasswd: {realm: test, path: \(file)}}"
        case .tokens(let server):
            return """
                auth:
                  token:
                    realm: "\(server.realm)"
                    service: test-registry
                    issuer: test-issuer
                    rootcertbundle: \(server.certificates)
                """
        }
    }
}
