import Foundation
import TestSupport
import Testing

/// What a run of the program came to, and what it asked the server.
struct Run {
    var status: Int32
    var output: String
    var requests: [ScriptedServer.Request]

    /// What it asked first.
    func firstRequest() throws -> ScriptedServer.Request {
        try #require(requests.first, "it asked nothing: \(output)")
    }
}

/// Runs the program against a server that answers as it was told.
/// - Parameter answers: by path; see `ScriptedServer`.
func cpctl(_ arguments: [String], _ answers: [String: [ScriptedServer.Answer]]) async throws -> Run {
    try await withTemporaryFolder { folder in
        let server = try await ScriptedServer(folder: folder, answers)
        let environment = [
            "CP_URL": server.url, "CP_ADMIN_API_TOKEN": "t", "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1",
        ]
        do {
            let (status, output) = try await runCommand(
                builtProduct("cpctl"), arguments, environment: environment)
            let requests = try server.requests()
            await server.stop()
            return Run(status: status, output: output, requests: requests)
        } catch {
            await server.stop()
            throw error
        }
    }
}

/// A JSON answer.
func answer(_ body: String, _ status: Int = 200) -> ScriptedServer.Answer {
    .init(status: status, headers: ["Content-Type": "application/json"], body: body)
}
