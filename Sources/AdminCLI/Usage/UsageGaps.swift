import ArgumentParser
import Foundation

struct UsageGaps: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "Streams of events of which something is missing, or was lost by the tenant.",
        discussion: """
            The platform asks a tenant for what is missing with every answer. What stays missing for hours \
            means that the tenant does not send; what is lost it has said that it has no more.
            """)

    @Option(help: "Only this organisation's: slug or id.")
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
