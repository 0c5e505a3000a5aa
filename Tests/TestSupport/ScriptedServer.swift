import Foundation

/// An HTTP server on loopback that answers each path as a test says and keeps every request.
package struct ScriptedServer: Sendable {
    package struct Answer: Sendable {
        package var status: Int
        package var headers: [String: String]
        package var body: String
        /// The connection closes before all that was announced has come.
        package var breaksOff: Bool

        package init(
            status: Int, headers: [String: String] = [:], body: String = "", breaksOff: Bool = false
        ) {
            self.status = status
            self.headers = headers
            self.body = body
            self.breaksOff = breaksOff
        }
    }

    package struct Request: Decodable, Sendable {
        package var method: String
        package var path: String
        /// Unpacked, where it came with `Content-Encoding: gzip`.
        package var body: String
        /// That it was answered with.
        package var status: Int
        package var authorization: String
        package var org: String
        package var cookie: String
        /// `X-Molecule-Signature`
        package var signature: String
        package var lastEventID: String
    }

    package let url: String
    private let process: ChildProcess
    private let folder: String

    /// - Parameter answers: by path; the last of a list is repeated, an unknown path is 404
    package init(folder: String, _ answers: [String: [Answer]] = [:]) async throws {
        self.folder = folder
        try Self.write(answers, folder)
        process = try ChildProcess(
            "/usr/bin/env",
            [
                "python3", "\(packageRoot)/Tests/oracles/scripted_server.py",
                "\(folder)/script.json", "\(folder)/requests",
            ])
        url = "http://127.0.0.1:\(try await process.announcedPort())"
    }

    package func stop() async { await process.stop() }

    /// What comes from now on; lists go on where they were.
    package func answer(_ answers: [String: [Answer]]) throws { try Self.write(answers, folder) }

    package func requests(_ path: String? = nil) throws -> [Request] {
        let text = (try? String(contentsOfFile: "\(folder)/requests", encoding: .utf8)) ?? ""
        let all = try text.split(separator: "\n").map {
            try JSONDecoder().decode(Request.self, from: Data($0.utf8))
        }
        return all.filter { path == nil || $0.path == path }
    }

    private static func write(_ answers: [String: [Answer]], _ folder: String) throws {
        let script = answers.mapValues { $0.map { [$0.status, $0.headers, $0.body, $0.breaksOff] as [Any] } }
        try JSONSerialization.data(withJSONObject: script)
            .write(to: URL(filePath: "\(folder)/script.json"), options: .atomic)
    }
}
