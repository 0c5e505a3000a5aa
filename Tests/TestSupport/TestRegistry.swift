import CurlHTTP
import Digests
import Foundation

/// A real image registry with the smallest images that it takes, filled over its own API.
package struct TestRegistry: Sendable {
    /// What it asks for.
    package enum Access: Sendable {
        case open
        case basic(username: String, password: String)
        /// Tokens of this server.
        case tokens(of: RegistryTokenServer)
    }

    package let url: String
    /// The same images without a guard before them, which is where they are pushed.
    private let pushURL: String
    private let processes: [ChildProcess]
    private let folder: String

    package init(_ access: Access = .open) async throws {
        folder = try makeTemporaryFolder("registry")
        let http = HTTPClient()
        defer { http.shutdown() }
        let open = try await Self.serve(folder, "open", "", http)
        pushURL = open.url
        switch access {
        case .open: (url, processes) = (open.url, [open.process])
        default:
            let guarded = try await Self.serve(folder, "guarded", try await access.settings(folder), http)
            (url, processes) = (guarded.url, [open.process, guarded.process])
        }
        for repository in [
            "tenant-postgres", "tenant-redis", "memory-plugin", "molecule-tenant", "cloudflared",
        ] {
            _ = try await push(repository, tag: "v1", http)
        }
    }

    private static func serve(
        _ folder: String, _ name: String, _ access: String, _ http: HTTPClient
    ) async throws -> (url: String, process: ChildProcess) {
        let port = try freePort()
        let configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(folder)/data}}
            http: {addr: "127.0.0.1:\(port)", relativeurls: true}
            \(access)
            """
        let path = "\(folder)/\(name).yml"
        try configuration.write(toFile: path, atomically: true, encoding: .utf8)
        let process = try ChildProcess("/usr/bin/docker-registry", ["serve", path])
        let url = "http://127.0.0.1:\(port)"
        let expected = access.isEmpty ? 200 : 401
        try await eventually("the registry") {
            (try? await http.send(HTTPRequest("GET", url + "/v2/")))?.status == expected
        }
        return (url, process)
    }

    package func remove() async {
        for process in processes { await process.stop() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    package struct PushFailed: Error { var status: Int }

    /// - Returns: the image's digest.
    package func push(
        _ repository: String, tag: String, labels: [String: String] = [:], _ http: any HTTPTransport
    ) async throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let labels = String(decoding: try encoder.encode(["Labels": labels]), as: UTF8.self)
        let config =
            #"{"architecture":"amd64","os":"linux","config":\#(labels),"#
            + #""rootfs":{"type":"layers","diff_ids":[]},"author":"\#(tag)"}"#
        let digest = try await upload(config, to: repository, http)
        let manifest = """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":\(config.utf8.count),\
            "digest":"\(digest)"},"layers":[]}
            """
        return try await put(
            manifest, "application/vnd.oci.image.manifest.v1+json", repository, tag, http)
    }

    /// An index: for each platform (`os/architecture`) an image's digest.
    /// - Returns: the index's digest.
    package func push(
        _ repository: String, tag: String, index: [(platform: String, digest: String)],
        _ http: any HTTPTransport
    ) async throws -> String {
        var entries: [String] = []
        for (platform, digest) in index {
            let size = try await http.send(
                HTTPRequest(
                    "GET", "\(pushURL)/v2/\(repository)/manifests/\(digest)",
                    headers: [
                        HTTPField("Accept", "application/vnd.oci.image.manifest.v1+json")
                    ])
            ).body.count
            let parts = platform.split(separator: "/")
            entries.append(
                """
                {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":\(size),\
                "digest":"\(digest)","platform":{"os":"\(parts[0])","architecture":"\(parts[1])"}}
                """)
        }
        let type = "application/vnd.oci.image.index.v1+json"
        let manifest = """
            {"schemaVersion":2,"mediaType":"\(type)","manifests":[\(entries.joined(separator: ","))]}
            """
        return try await put(manifest, type, repository, tag, http)
    }

    private func put(
        _ manifest: String, _ type: String, _ repository: String, _ tag: String, _ http: any HTTPTransport
    ) async throws -> String {
        let answer = try await http.send(
            HTTPRequest(
                "PUT", "\(pushURL)/v2/\(repository)/manifests/\(tag)",
                headers: [HTTPField("Content-Type", type)], body: Array(manifest.utf8)))
        guard answer.status == 201, let digest = answer.header("Docker-Content-Digest") else {
            throw PushFailed(status: answer.status)
        }
        return digest
    }

    private func upload(_ text: String, to repository: String, _ http: any HTTPTransport) async throws
        -> String
    {
        let digest = "sha256:" + SHA256Digest(of: text).hex
        let start = try await http.send(HTTPRequest("POST", "\(pushURL)/v2/\(repository)/blobs/uploads/"))
        guard start.status == 202, let location = start.header("Location") else {
            throw PushFailed(status: start.status)
        }
        let target = location.hasPrefix("http") ? location : pushURL + location
        let separator = target.contains("?") ? "&" : "?"
        let end = try await http.send(
            HTTPRequest(
                "PUT", "\(target)\(separator)digest=\(digest)",
                headers: [HTTPField("Content-Type", "application/octet-stream")], body: Array(text.utf8)))
        guard end.status == 201 else { throw PushFailed(status: end.status) }
        return digest
    }
}
