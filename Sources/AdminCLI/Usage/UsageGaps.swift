import ArgumentParser
import Foundation

struct UsageGaps: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "List streams with events that are missing, or that the tenant has lost.",
        discussion: """
            With every answer the platform asks the tenant for the events that are missing. If they stay \
            missing for hours, the tenant does not send. The tenant itself reports events as lost.
            """)

    @Option(help: "Only of this organisation: its slug or id.")
    var org: String?
    @Option(help: "How many streams at most.")
    var limit: Int = 100
    @OptionGroup var server: ServerOptions

    struct Range: Decodable {
        var from: Int
        var to: Int

        var text: String { from == to ? "\(from)" : "\(from)-\(to)" }
    }

    private struct Gap: Decodable {
        var slug: String
        var epoch: String
        var missing: [Range]
        var missingPlaces: Int
        var lost: [Range]
        var lostPlaces: Int
        var lastReceivedAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case slug, epoch, missing, lost
            case missingPlaces = "missing_places"
            case lostPlaces = "lost_places"
            case lastReceivedAt = "last_received_at"
        }

        var cells: [String] {
            [
                slug, epoch, "\(missingPlaces)", UsageGaps.text(missing), "\(lostPlaces)",
                UsageGaps.text(lost), lastReceivedAt.text,
            ]
        }
    }

    private struct List: Decodable { var gaps: [Gap] }

    func run() async throws {
        let data = try await server.connect().call(
            "GET", "/cp/admin/usage/gaps?limit=\(limit)" + (org.map { "&org=\(escaped($0))" } ?? ""))
        if server.json { return sayJSON(data) }
        let gaps = try decode(List.self, from: data).gaps
        guard !gaps.isEmpty else { return say("No stream has a gap.") }
        let head = ["TENANT", "STREAM", "MISSING", "PLACES", "LOST", "PLACES", "LAST RECEIVED"]
        table([head] + gaps.map(\.cells)).forEach(say)
    }

    /// The first few.
    private static func text(_ ranges: [Range]) -> String {
        guard !ranges.isEmpty else { return "-" }
        return ranges.prefix(3).map(\.text).joined(separator: ",") + (ranges.count > 3 ? ",..." : "")
    }
}
