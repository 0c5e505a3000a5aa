import ArgumentParser
import Foundation

struct Orgs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create, list, show, suspend and delete organisations.",
        subcommands: [
            CreateOrg.self, ListOrgs.self, ShowOrg.self, DeleteOrg.self, RestoreOrg.self, SuspendOrg.self,
            ResumeOrg.self, AddOwner.self,
        ])
}

struct CreateOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create an organisation; its instance is launched at once.")

    @Argument(help: "3 to 32 of a-z, 0-9 and -, beginning with a letter. It can never be changed.")
    var slug: String
    @Option(help: "The organisation's name.")
    var name: String
    @Option(help: "The user id of its owner.")
    var owner: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let body = ["slug": slug, "name": name, "owner_user_id": owner]
        let data = try await server.connect().call("POST", "/cp/admin/orgs", body: body)
        if server.json { return sayJSON(data) }
        let org = try decode(Org.self, from: data)
        let ready = org.estimatedReadyAt.map { ", ready by about \($0)" } ?? ""
        say("Created \(org.slug) (\(org.id))\(ready). Watch it: cpctl boot \(org.slug) --follow")
    }
}

struct ListOrgs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the organisations.")

    @OptionGroup var server: ServerOptions

    private static let page = 500

    private struct Page: Decodable { var orgs: [Org] }

    func run() async throws {
        let api = try server.connect()
        var orgs: [Org] = []
        while true {
            let path = "/cp/admin/orgs?limit=\(Self.page)&offset=\(orgs.count)"
            let data = try await api.call("GET", path)
            let page = try decode(Page.self, from: data).orgs
            if server.json { sayJSON(data) }
            orgs += page
            guard page.count == Self.page else { break }
        }
        guard !server.json else { return }
        let rows = orgs.map {
            [$0.slug, $0.instanceStatus ?? "-", $0.plan ?? "-", $0.createdAt ?? "-", $0.name]
        }
        table([["SLUG", "INSTANCE", "PLAN", "CREATED", "NAME"]] + rows).forEach(say)
    }
}

struct ShowOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one organisation.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/orgs/\(escaped(slug))")
        if server.json { return sayJSON(data) }
        let org = try decode(Org.self, from: data)
        table([
            ["slug", org.slug], ["id", org.id], ["name", org.name], ["status", org.status ?? "-"],
            ["instance", org.instanceStatus ?? "-"], ["plan", org.plan ?? "-"],
            ["created", org.createdAt ?? "-"],
        ]).forEach(say)
    }
}

struct DeleteOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete an organisation and its tenant; the plan may keep a snapshot for some days.")

    @Argument var slug: String
    @Option(help: "The slug again.")
    var confirm: String
    @OptionGroup var server: ServerOptions

    @Flag(help: "Erase: keep no snapshot, whatever the plan says, and delete one that is kept.")
    var erase = false

    private struct Order: Encodable {
        var confirm: String
        /// Left out unless it is asked for.
        var erase: Bool?
    }

    private struct Outcome: Decodable {
        var status: String
        var restorableUntil: String?

        enum CodingKeys: String, CodingKey {
            case status
            case restorableUntil = "restorable_until"
        }
    }

    func validate() throws {
        guard confirm == slug else { throw ValidationError("--confirm must be the same slug: \(slug)") }
    }

    func run() async throws {
        let data = try await server.connect().call(
            "DELETE", "/cp/admin/tenants/" + escaped(slug),
            body: Order(confirm: confirm, erase: erase ? true : nil))
        if server.json { return sayJSON(data) }
        let outcome = try decode(Outcome.self, from: data)
        switch (outcome.status, outcome.restorableUntil) {
        case ("purged", let until?):
            say("\(slug) is deleted. A snapshot is kept until \(until): cpctl orgs restore \(slug)")
        case ("purged", nil): say("\(slug) is deleted, with everything that belonged to it.")
        case (let status, _):
            say("\(slug) is \(status). The teardown continues by itself; repeat the command to wait for it.")
        }
    }
}

struct RestoreOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Restore a deleted organisation whose volume is kept, on a new instance.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let path = "/cp/admin/orgs/\(escaped(slug))/restore"
        let data = try await server.connect().call("POST", path, body: [String: String]())
        if server.json { return sayJSON(data) }
        say("\(slug) is being restored. Watch it: cpctl boot \(slug) --follow")
    }
}

struct Org: Decodable {
    var id: String
    var slug: String
    var name: String
    var status: String?
    var plan: String?
    var createdAt: String?
    var instanceStatus: String?
    var estimatedReadyAt: String?

    enum CodingKeys: String, CodingKey {
        case estimatedReadyAt = "estimated_ready_at"
        case id, slug, name, status, plan
        case createdAt = "created_at"
        case instanceStatus = "instance_status"
    }
}

/// Columns two spaces apart.
func table(_ texts: [[String]]) -> [String] {
    let rows = texts.map { $0.map(oneLine) }
    var widths: [Int] = []
    for row in rows {
        for (column, cell) in row.enumerated() {
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], cell.count)
        }
    }
    return rows.map { row in
        let cells = row.enumerated().map { column, cell in
            column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
        }
        let line = cells.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}
