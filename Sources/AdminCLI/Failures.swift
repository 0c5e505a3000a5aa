import ArgumentParser
import Foundation

struct Failures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the service's periodic runs could not do.",
        discussion: """
            Credits, overage, comparisons and the like run by themselves. A thing that fails does not keep \
            them from the rest, is attempted again, and stands here until it succeeds.
            """)

    @Option(
        name: .customLong("run"),
        help: """
            Only of this run: credit_watch, overage, usage_keeper, reconciler, billing_reconciler, \
            audit_sealer or request_limiter.
            """)
    var name: String?
    @Option(help: "How many at most.")
    var limit: Int = 100
    @OptionGroup var server: ServerOptions

    private struct Failure: Decodable {
        var run: String
        var subject: String
        var slug: String?
        var failures: Int
        var error: String
        var since: Timestamp
        var lastAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case run, subject, slug, failures, error, since
            case lastAt = "last_at"
        }

        var cells: [String] {
            [run, slug ?? "-", subject, "\(failures)", since.text, lastAt.text, error]
        }
    }

    private struct List: Decodable { var failures: [Failure] }

    func run() async throws {
        let data = try await server.connect().call(
            "GET",
            "/cp/admin/periodic-failures?limit=\(limit)" + (name.map { "&run=\(escaped($0))" } ?? ""))
        if server.json { return sayJSON(data) }
        let failures = try decode(List.self, from: data).failures
        guard !failures.isEmpty else { return say("Nothing fails.") }
        let head = ["RUN", "TENANT", "WHAT", "FAILURES", "SINCE", "LAST", "ERROR"]
        table([head] + failures.map(\.cells)).forEach(say)
    }
}
