import ArgumentParser
import Foundation

struct SetAsideCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set-aside",
        abstract: "Events in quarantine: received, and not counted for a reason.",
        subcommands: [ListSetAside.self, ReleaseSetAside.self, DiscardSetAside.self])
}

struct ListSetAside: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the events, newest first, and count them by reason.")

    @Option(help: "Only of this organisation: its slug or id.")
    var org: String?
    @Option(help: "Only with this reason, for example unknown_model.")
    var reason: String?
    @Option(help: "waiting, released or discarded.")
    var state: String = "waiting"
    @Option(help: "How many at most.")
    var limit: Int = 20
    @OptionGroup var server: ServerOptions

    private struct Event: Decodable {
        var id: String
        var slug: String?
        var reason: String
        var detail: String
        var event: [String: String]
        var receivedAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case id, slug, reason, detail, event
            case receivedAt = "received_at"
        }

        var cells: [String] {
            let model = "\(event["provider"] ?? "-") \(event["model"] ?? "-")"
            return [receivedAt.text, slug ?? "-", reason, oneLine(model), oneLine(detail), id]
        }
    }

    private struct Count: Decodable {
        var slug: String?
        var reason: String
        var events: Int
        var since: Timestamp
    }

    private struct List: Decodable {
        var events: [Event]
        var counts: [Count]
    }

    func run() async throws {
        var path = "/cp/admin/usage/set-aside?limit=\(limit)&state=\(escaped(state))"
        if let org { path += "&org=\(escaped(org))" }
        if let reason { path += "&reason=\(escaped(reason))" }
        let data = try await server.connect().call("GET", path)
        if server.json { return sayJSON(data) }
        let list = try decode(List.self, from: data)
        if list.events.isEmpty {
            say("No such event is in quarantine.")
        } else {
            let head = ["RECEIVED", "TENANT", "REASON", "MODEL", "WHY", "ID"]
            table([head] + list.events.map(\.cells)).forEach(say)
        }
        guard !list.counts.isEmpty else { return }
        say("")
        let counts = list.counts.map { [$0.slug ?? "-", $0.reason, "\($0.events)", $0.since.text] }
        table([["TENANT", "REASON", "WAITING", "SINCE"]] + counts).forEach(say)
    }
}

/// Which events are meant, and whether it is to be done.
struct SetAsideOptions: ParsableArguments {
    @Option(help: "Events of this organisation: its slug or id.")
    var org: String?
    @Option(help: "Events with this reason, for example unknown_model.")
    var reason: String?
    @Option(help: "The event with this id; may be repeated.")
    var id: [String] = []
    @Flag(help: "Apply it. Without this the command only shows what it would do.")
    var apply = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard org != nil || reason != nil || !id.isEmpty else {
            throw ValidationError("Name the events: --org, --reason or --id.")
        }
    }

    private struct Order: Encodable {
        var org: String?
        var reason: String?
        var ids: [String]?
        var dryRun: Bool

        enum CodingKeys: String, CodingKey {
            case org, reason, ids
            case dryRun = "dry_run"
        }
    }

    struct Outcome: Decodable {
        struct Kept: Decodable {
            var id: String
            var reason: String
            var detail: String
        }

        var matched: Int
        var decided: Int
        var duplicates: Int
        var kept: [Kept]
    }

    /// - Returns: nil where JSON was printed.
    func order(_ verb: String) async throws -> Outcome? {
        let data = try await server.connect().call(
            "POST", "/cp/admin/usage/set-aside/\(verb)",
            body: Order(org: org, reason: reason, ids: id.isEmpty ? nil : id, dryRun: !apply),
            timeout: .seconds(60))
        if server.json {
            sayJSON(data)
            return nil
        }
        return try decode(Outcome.self, from: data)
    }
}

struct ReleaseSetAside: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Count events after all, as far as possible by now: after a price was set, for example.",
        discussion: "At most the oldest thousand; repeat the command for more.")

    @OptionGroup var options: SetAsideOptions

    func run() async throws {
        guard let outcome = try await options.order("release") else { return }
        let verb = options.apply ? "counted" : "would be counted"
        say("\(outcome.decided - outcome.duplicates) of \(counted(outcome.matched, "event")) \(verb).")
        if outcome.duplicates > 0 {
            say("\(counted(outcome.duplicates, "event")) had counted already.")
        }
        if !outcome.kept.isEmpty {
            say("")
            let rows = outcome.kept.map { [$0.id, $0.reason, oneLine($0.detail)] }
            table([["KEPT", "REASON", "WHY"]] + rows).forEach(say)
        }
        if !options.apply { say("Nothing was changed. --apply does it.") }
    }
}

struct DiscardSetAside: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Never count events, not even if the tenant sends them again. They stay on record.",
        discussion: "At most the oldest thousand; repeat the command for more.")

    @OptionGroup var options: SetAsideOptions

    func run() async throws {
        guard let outcome = try await options.order("discard") else { return }
        say("\(counted(outcome.decided, "event")) \(options.apply ? "discarded" : "would be discarded").")
        if !options.apply { say("Nothing was changed. --apply does it.") }
    }
}
