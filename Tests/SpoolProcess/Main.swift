import CurlHTTP
import Foundation
import TenantProtocol
import TenantSpool

/// What a tenant does with its spool, as one process that a test kills: it records events of models for as
/// long as it lives, and sends them.
///
/// usage: spool-process FOLDER URL JOURNAL record|drain
/// The journal gets `+ id` before an event is recorded and `= id` once it is on the disk. `drain` records
/// nothing and ends when everything is sent. SPOOL_TOKEN and SPOOL_ORG prove the tenant to a real platform;
/// SPOOL_WORKSPACE is the workspace of the events.
@main
enum Main {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let (folder, url, journal, mode) = (arguments[1], arguments[2], arguments[3], arguments[4])
        let http = HTTPClient()
        let proof = proof()
        let sender = SpoolSender(
            .usage, SpoolFolders(tenant: folder, delivery: "\(folder)/delivery"), log: { print($0) }
        ) { path, headers, body in
            var request = HTTPRequest("POST", url + path, headers: headers + proof, body: body)
            request.timeout = mode == "drain" ? .seconds(30) : .seconds(2)
            return try await http.send(request)
        }
        if mode == "drain" { return try await drain(sender) }
        let spool = UsageSpool(folder: folder, limits: .init(segmentBytes: 20_000))
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 { group.addTask { try await record(spool, journal) } }
            group.addTask {
                while true {
                    _ = try? await sender.sendAll()
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            try await group.waitForAll()
        }
    }

    private static func proof() -> [HTTPField] {
        let environment = ProcessInfo.processInfo.environment
        guard let token = environment["SPOOL_TOKEN"], let org = environment["SPOOL_ORG"] else { return [] }
        return [HTTPField("Authorization", "Bearer \(token)"), HTTPField("X-Molecule-Org-Id", org)]
    }

    private static func record(_ spool: UsageSpool, _ journal: String) async throws {
        let workspace =
            ProcessInfo.processInfo.environment["SPOOL_WORKSPACE"] ?? UUID().uuidString.lowercased()
        while true {
            let id = UUID().uuidString.lowercased()
            note("+ \(id)\n", journal)
            try await spool.record(
                UsageEvent(
                    id: id, workspaceID: workspace, model: "claude-sonnet-4-5", provider: "anthropic",
                    inputTokens: 1, outputTokens: 2, occurredAt: Date.now.formatted(.iso8601)))
            note("= \(id)\n", journal)
        }
    }

    private static func note(_ line: String, _ journal: String) {
        let file = open(journal, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        _ = Array(line.utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
    }

    private static func drain(_ sender: SpoolSender) async throws {
        while true {
            do {
                if try await sender.sendAll() == 0 { return }
            } catch let obstacle as SpoolSender.Obstacle {
                print(obstacle)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
