import ArgumentParser
import Foundation

struct Credits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Credits of organisations: granted, used, and charged as overage.",
        subcommands: [ShowCredits.self, GiveCredits.self])
}

struct ShowCredits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an organisation's credits of a month.")

    @Argument var slug: String
    @Option(help: "The month, for example 2026-11; the present one by default.")
    var month: String?
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let query = month.map { "?month=\(escaped($0))" } ?? ""
        let data = try await server.connect().call("GET", "/cp/admin/orgs/\(escaped(slug))/credits\(query)")
        if server.json { return sayJSON(data) }
        try decode(CreditMonth.self, from: data).print(slug)
    }
}

struct GiveCredits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "give", abstract: "Give credits by hand, or take some back with a negative number.")

    @Argument var slug: String
    @Option(parsing: .unconditional, help: "How many; negative to take back.")
    var credits: Int
    @Option(help: "Makes the grant happen once: a ticket's number, for example.")
    var key: String
    @Option(help: "The reason; the customer sees it.")
    var note: String?
    @Option(help: "The month, for example 2026-11; the present one by default.")
    var month: String?
    @OptionGroup var server: ServerOptions

    private struct Order: Encodable {
        var credits: Int
        var key: String
        var note: String?
        var month: String?
    }

    func run() async throws {
        let data = try await server.connect().call(
            "POST", "/cp/admin/orgs/\(escaped(slug))/credits",
            body: Order(credits: credits, key: key, note: note, month: month))
        if server.json { return sayJSON(data) }
        try decode(CreditMonth.self, from: data).print(slug)
    }
}

/// What the control plane says of a month's credits.
private struct CreditMonth: Decodable {
    struct Grant: Decodable {
        var kind: String
        var plan: String?
        var credits: Int
        var effectiveAt: String
        var note: String?

        enum CodingKeys: String, CodingKey {
            case kind, plan, credits, note
            case effectiveAt = "effective_at"
        }
    }

    struct Alert: Decodable {
        var kind: String
        var at: String
    }

    var month: String
    var plan: String
    var state: String?
    var granted: Int
    var used: Int
    var balance: Int
    var overage: Int
    var cap: Int
    var remaining: Int
    var uncharged: Int
    var grants: [Grant]
    var alerts: [Alert]

    enum CodingKeys: String, CodingKey {
        case month, plan, state, grants, alerts
        case granted = "granted_credits"
        case used = "used_credits"
        case balance = "credits_balance"
        case overage = "overage_used_credits"
        case cap = "overage_cap_credits"
        case remaining = "credits_remaining"
        case uncharged = "uncharged_credits"
    }

    func print(_ slug: String) {
        say("\(slug) in \(month), on \(plan): \(state ?? "a plan without credits")")
        say("")
        var rows = [
            ["granted", "\(granted)"], ["used", "\(used)"], ["balance", "\(balance)"],
            ["overage", "\(overage) of \(cap)"], ["remaining", "\(remaining)"],
        ]
        if uncharged > 0 { rows.append(["given away", "\(uncharged)"]) }
        table(rows).forEach(say)
        guard !grants.isEmpty || !alerts.isEmpty else { return }
        say("")
        let given = grants.map {
            [$0.kind, $0.plan ?? "-", "\($0.credits)", $0.effectiveAt, $0.note.map(oneLine) ?? ""]
        }
        if !given.isEmpty { table([["GRANT", "PLAN", "CREDITS", "SINCE", "NOTE"]] + given).forEach(say) }
        for alert in alerts { say("\(alert.at)  \(words(alert.kind)) % reached") }
    }
}
