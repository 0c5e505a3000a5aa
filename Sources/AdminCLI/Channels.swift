import ArgumentParser
import Foundation

struct Channels: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and set the release channels that tenants follow.",
        subcommands: [ListChannels.self, SetChannel.self])
}

struct ListChannels: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the channels, and the images that they stand for.")

    @OptionGroup var server: ServerOptions

    private struct List: Decodable { var channels: [Channel] }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/channels")
        if server.json { return sayJSON(data) }
        let channels = try decode(List.self, from: data).channels
        table([["CHANNEL", "TENANTS", "TAG", "DIGEST", "SINCE"]] + channels.map(\.cells)).forEach(say)
    }
}

struct SetChannel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set the image that a channel stands for; a new name creates a channel.",
        discussion: """
            Without --tag and --digest the channel stands for the configured tag. No tenant changes \
            before a rollout.
            """)

    @Argument(help: "1 to 32 of a-z, 0-9 and -, beginning with a letter.")
    var name: String
    @Option(help: "The image's tag.")
    var tag: String?
    @Option(help: "The image's digest, sha256:...")
    var digest: String?
    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard tag == nil || digest == nil else {
            throw ValidationError("Give at most one of --tag and --digest.")
        }
    }

    func run() async throws {
        var body: [String: String] = [:]
        body["target_tag"] = tag
        body["digest"] = digest
        let data = try await server.connect().call("PUT", "/cp/admin/channels/\(escaped(name))", body: body)
        if server.json { return sayJSON(data) }
        try decode(Channel.self, from: data).lines.forEach(say)
    }
}

/// A named stream of releases.
struct Channel: Decodable {
    var name: String
    /// nil: the configured tag, whatever it stands for.
    var digest: String?
    var targetTag: String?
    var tenants: Int
    var updatedAt: Timestamp

    enum CodingKeys: String, CodingKey {
        case name, digest, tenants
        case targetTag = "target_tag"
        case updatedAt = "updated_at"
    }

    var cells: [String] {
        let tag = targetTag ?? (digest == nil ? "as configured" : "-")
        return [name, "\(tenants)", tag, digest ?? "-", updatedAt.text]
    }

    var lines: [String] {
        let image = digest == nil ? "the configured tag" : imageText(tag: targetTag, digest: digest)
        return [
            "\(name) stands for \(image). Followed by \(counted(tenants, "tenant")).",
            "Roll it out: cpctl rollout start --channel \(name)",
        ]
    }
}
