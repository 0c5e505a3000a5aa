import CurlHTTP
import Foundation

/// A real image registry with the smallest images that it takes, filled over its own API.
package struct TestRegistry: Sendable {
    package let url: String
    private let process: ChildProcess
    private let folder: String
    private let authorization: [HTTPField]

    package static let username = "tenant"
    package static let password = "registry-secret"
    /// Of the password; bcrypt, as the registry wants it.
    private static let htpasswd = "tenant:$2b$05$abcdefghijklmnopqrstuubNCCgMNqYiQA5BMGxm7McAPft53drSm"

    /// - Parameter asksForPassword: whether it lets nobody in without `username` and `password`
    package init(asksForPassword: Bool = false) async throws {
        folder = try makeTemporaryFolder("registry")
        let login = Data("\(Self.username):\(Self.password)".utf8).base64EncodedString()
        authorization = asksForPassword ? [HTTPField("Authorization", "Basic \(login)")] : []
        let port = try freePort()
        url = "http://127.0.0.1:\(port)"
        let configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(folder)/data}}
            http: {addr: "127.0.0.1:\(port)", relativeurls: true}
            """ + (asksForPassword ? "\nauth: {htpasswd: {realm: test, path: \(folder)/htpasswd}}" : "")
        try Self.htpasswd.write(toFile: "\(folder)/htpasswd", atomically: true, encoding: .utf8)
        try configuration.write(toFile: "\(folder)/config.yml", atomically: true, encoding: .utf8)
        process = try ChildProcess("/usr/bin/docker-registry", ["serve", "\(folder)/config.yml"])
        let address = url + "/v2/"
        let http = HTTPClient()
        defer { http.shutdown() }
        try await eventually("the registry") { [authorization] in
            (try? await http.send(HTTPRequest("GET", address, headers: authorization)))?.status == 200
        }
        for repository in [
            "tenant-postgres", "tenant-redis", "memory-plugin", "molecule-tenant", "cloudflared",
        ] {
            _ = try await push(repository, tag: "v1", http)
        }
    }

    package func remove() async {
        await process.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    package struct PushFailed: Error { var status: Int }

    /// - Parameter labels: JSON of an object
    /// - Returns: the image's digest.
    package func push(
        _ repository: String, tag: String, _ http: any HTTPTransport, labels: String = "{}"
    ) async throws -> String {
        let config =
            #"{"architecture":"amd64","os":"linux","config":{"Labels":\#(labels)},"#
            + #""rootfs":{"type":"layers","diff_ids":[]},"author":"\#(tag)"}"#
        let digest = try await upload(config, to: repository, http)
        let manifest = """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":\(config.utf8.count),\
            "digest":"\(digest)"},"layers":[]}
            """
        let answer = try await http.send(
            HTTPRequest(
                "PUT", "\(url)/v2/\(repository)/manifests/\(tag)",
                headers: authorization + [
                    HTTPField("Content-Type", "application/vnd.oci.image.manifest.v1+json")
                ],
                body: Array(manifest.utf8)))
        guard answer.status == 201, let digest = answer.header("Docker-Content-Digest") else {
            throw PushFailed(status: answer.status)
        }
        return digest
    }

    private func upload(_ text: String, to repository: String, _ http: any HTTPTransport) async throws
        -> String
    {
        let digest = "sha256:" + (try await sha256(of: text))
        let start = try await http.send(
            HTTPRequest("POST", "\(url)/v2/\(repository)/blobs/uploads/", headers: authorization))
        guard start.status == 202, let location = start.header("Location") else {
            throw PushFailed(status: start.status)
        }
        let target = location.hasPrefix("http") ? location : url + location
        let separator = target.contains("?") ? "&" : "?"
        let end = try await http.send(
            HTTPRequest(
                "PUT", "\(target)\(separator)digest=\(digest)",
                headers: authorization + [HTTPField("Content-Type", "application/octet-stream")],
                body: Array(text.utf8)))
        guard end.status == 201 else { throw PushFailed(status: end.status) }
        return digest
    }

    private func sha256(of text: String) async throws -> String {
        let file = "\(folder)/\(UUID().uuidString)"
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        let (_, output) = try await runCommand("/usr/bin/sha256sum", [file])
        return String(output.prefix(64))
    }
}
