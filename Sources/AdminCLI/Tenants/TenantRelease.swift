import ArgumentParser
import Foundation

struct TenantRelease: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Show or change which image a tenant is meant to run, and whether rollouts include it.",
        discussion: "Without an option it only shows. It redeploys nothing.")

    @Argument var slug: String
    @Option(help: "Follow this channel.")
    var channel: String?
    @Option(help: "Run the image of this digest, sha256:..., whatever the channel's is.")
    var pin: String?
    @Flag(help: "Run the channel's image again.")
    var unpin = false
    @Flag(help: "Let rollouts skip it.")
    var optOut = false
    @Flag(help: "Let rollouts include it again.")
    var optIn = false
    @Option(help: "Let rollouts skip it for so many seconds; 0 ends that.")
    var maintenance: Int?
    @OptionGroup var server: ServerOptions

    struct Change: Encodable, Equatable {
        var channel: String?
        /// Empty: none.
        var pinnedDigest: String?
        var optedOut: Bool?
        var maintenanceSeconds: Int?

        enum CodingKeys: String, CodingKey {
            case channel
            case pinnedDigest = "pinned_digest"
            case optedOut = "opted_out"
            case maintenanceSeconds = "maintenance_seconds"
        }
    }

    func validate() throws {
        guard pin == nil || !unpin else { throw ValidationError("Give --pin or --unpin.") }
        guard !optOut || !optIn else { throw ValidationError("Give --opt-out or --opt-in.") }
    }

    /// nil when nothing is to be changed.
    var change: Change? {
        let change = Change(
            channel: channel, pinnedDigest: unpin ? "" : pin, optedOut: optOut ? true : optIn ? false : nil,
            maintenanceSeconds: maintenance)
        return change == Change() ? nil : change
    }

    func run() async throws {
        let api = try server.connect()
        let path = "/cp/admin/tenants/\(escaped(slug))/release"
        let data: Data
        if let change {
            data = try await api.call("PATCH", path, body: change)
        } else {
            data = try await api.call("GET", path)
        }
        if server.json { return sayJSON(data) }
        try decode(Release.self, from: data).lines.forEach(say)
    }
}

/// What a tenant is meant to run.
struct Release: Decodable {
    var slug: String
    var channel: String
    var pinnedDigest: String?
    var isOptedOut: Bool
    var maintenanceUntil: Timestamp?

    enum CodingKeys: String, CodingKey {
        case slug, channel
        case pinnedDigest = "pinned_digest"
        case isOptedOut = "opted_out"
        case maintenanceUntil = "maintenance_until"
    }

    var lines: [String] {
        table([
            ["slug", slug], ["channel", channel], ["pinned to", pinnedDigest ?? "-"],
            ["rollouts", isOptedOut ? "opted out" : "included"],
            ["maintenance", maintenanceUntil.map { "until \($0.text)" } ?? "-"],
        ])
    }
}
