import ArgumentParser
import AuditChain
import Foundation

struct ListAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List changes, the newest first.")

    @Option(help: "Only of this organisation: its slug or id.")
    var org: String?
    @Option(help: "Only this action, for example org.created, or all of a noun: org.")
    var action: String?
    @Option(help: "Only by this caller: the name of an operator, key or workflow, or a user's id.")
    var actor: String?
    @Option(help: "Only of this subject: a slug, an id or a name.")
    var subject: String?
    @Option(help: "From this time on, for example 2026-01-02T08:00:00Z.")
    var since: String?
    @Option(help: "Before this time.")
    var until: String?
    @Option(help: "How many at most.")
    var limit = 50
    @OptionGroup var server: ServerOptions

    private static let page = 200

    private struct Page: Decodable {
        var entries: [AuditEntry]
        /// Of the page after this one.
        var next: Int?
    }

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit is a whole number from 1.") }
    }

    func run() async throws {
        let api = try server.connect()
        var (rows, before): ([AuditEntry], Int?) = ([], nil)
        repeat {
            let data = try await api.call("GET", path(before: before, left: limit - rows.count))
            if server.json { sayJSON(data) }
            let page = try decode(Page.self, from: data)
            rows += page.entries
            before = page.next
        } while before != nil && rows.count < limit
        guard !server.json else { return }
        let header = ["ID", "WHEN", "WHO", "ACTION", "SUBJECT", "CHANGE"]
        table([header] + rows.map(Self.cells)).forEach(say)
    }

    private func path(before: Int?, left: Int) -> String {
        let given = [
            ("org", org), ("action", action), ("actor", actor), ("subject", subject), ("since", since),
            ("until", until), ("before", before.map { "\($0)" }), ("limit", "\(min(left, Self.page))"),
        ]
        return "/cp/admin/audit?"
            + given.compactMap { name, value in value.map { "\(name)=\(escaped($0))" } }.joined(
                separator: "&")
    }

    private static func cells(_ entry: AuditEntry) -> [String] {
        let from = entry.address.map { " from \($0)" } ?? ""
        return [
            "\(entry.id)", String(entry.at.prefix(19)) + "Z",
            oneLine("\(entry.actorKind) \(entry.actorName)\(from)"), entry.action, oneLine(entry.subject),
            oneLine(change(entry.before, entry.after)),
        ]
    }

    /// `name: old -> new`, each changed member.
    private static func change(_ before: AuditValue, _ after: AuditValue) -> String {
        guard case .object(let before) = before, case .object(let after) = after else { return "" }
        return Set(before.keys).union(after.keys).sorted().map { name in
            let new = after[name].map(plain) ?? "-"
            return before[name].map { "\(name): \(plain($0)) -> \(new)" } ?? "\(name): \(new)"
        }.joined(separator: ", ")
    }

    private static func plain(_ value: AuditValue) -> String {
        if case .string(let text) = value { text } else { value.canonical }
    }
}
