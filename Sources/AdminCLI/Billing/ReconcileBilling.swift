import ArgumentParser
import Foundation

struct ReconcileBilling: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Compare overage in three books: as used, as reported, and as Stripe has counted it.",
        discussion: """
            Ends with status 1 where they differ. --repair shows what can be repaired, and with --apply \
            repairs it: overage that is in no report is reported, and a report that Stripe accepted and \
            does not show a day later is sent again.
            """)

    @Option(help: "The month, for example 2026-11; this one and the one before by default.")
    var month: [String] = []
    @Option(help: "One organisation alone: its slug, or its id.")
    var org: String?
    @Flag(help: "Show what can be done about differences.")
    var repair = false
    @Flag(help: "With --repair: apply it.")
    var apply = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard repair || !apply else { throw ValidationError("--apply goes with --repair.") }
    }

    func run() async throws {
        let api = try server.connect()
        var all: [OverageBooks] = []
        for month in month.isEmpty ? Self.months(Date()) : month {
            all += try await books(month, api)
        }
        if repair { all = try await mended(all, api) }
        if server.json { try sayJSON(JSONEncoder.readable.encode(["organisations": all])) } else { tell(all) }
        guard all.allSatisfy({ $0.difference == 0 }) else { throw ExitCode.failure }
    }

    /// In UTC, the earlier one first.
    static func months(_ now: Date) -> [String] {
        let parts = now.formatted(.iso8601).split(separator: "-").prefix(2).compactMap { Int($0) }
        let (year, month) = (parts[0], parts[1])
        func text(_ year: Int, _ month: Int) -> String { "\(year)-\(month < 10 ? "0" : "")\(month)" }
        return [month == 1 ? text(year - 1, 12) : text(year, month - 1), text(year, month)]
    }

    private struct Page: Decodable {
        var organisations: [OverageBooks]
        var next: String?
    }

    private func books(_ month: String, _ api: ControlPlaneAPI) async throws -> [OverageBooks] {
        var all: [OverageBooks] = []
        var after: String?
        repeat {
            var path = "/cp/admin/billing/overage?month=\(escaped(month))"
            if let org { path += "&org=\(escaped(org))" }
            if let after { path += "&after=\(escaped(after))" }
            let page = try decode(Page.self, from: await api.ask(path))
            all += page.organisations
            after = page.next
        } while after != nil
        return all
    }

    private struct Order: Encodable {
        var org: String
        var month: String
        var dryRun: Bool

        enum CodingKeys: String, CodingKey {
            case org, month
            case dryRun = "dry_run"
        }
    }

    /// Those that differ with what became of them, the others as they are.
    private func mended(_ all: [OverageBooks], _ api: ControlPlaneAPI) async throws -> [OverageBooks] {
        var after: [OverageBooks] = []
        for books in all {
            guard books.difference != 0 else {
                after.append(books)
                continue
            }
            let order = Order(org: books.org, month: books.month, dryRun: !apply)
            after.append(
                try await api.call(
                    "POST", "/cp/admin/billing/overage/repair", body: order, as: OverageBooks.self))
        }
        return after
    }

    private func tell(_ all: [OverageBooks]) {
        guard !all.isEmpty else { return say("Nothing was used beyond the grants.") }
        let header = [
            "TENANT", "MONTH", "USED", "GRANTED", "OVERAGE", "REPORTED", "ON THE WAY", "STRIPE", "DIFFERENCE",
        ]
        table([header] + all.map(\.cells)).forEach(say)
        let differing = all.filter { $0.difference != 0 }
        guard !differing.isEmpty else {
            return say("\nThe books agree: \(counted(all.count, "month")) of organisations.")
        }
        say("")
        for books in differing {
            let done = books.done == true ? " Done." : ""
            say("✗ \(books.slug) \(books.month): \(books.problem ?? books.advice ?? "differs").\(done)")
        }
        let canMend = differing.contains { ["report", "send_again"].contains($0.remedy) }
        if canMend, !apply { say("`cpctl billing reconcile --repair --apply` repairs what it can.") }
    }
}

/// As the control plane says it, and as it is printed as JSON.
struct OverageBooks: Codable {
    var org: String
    var slug: String
    var month: String
    var used: Int
    var granted: Int
    var overage: Int
    var reported: Int
    var open: Int
    var stripe: Int?
    /// nil: Stripe could not be asked.
    var difference: Int?
    var problem: String?
    var remedy: String
    var advice: String?
    var done: Bool?

    enum CodingKeys: String, CodingKey {
        case slug, month, problem, remedy, advice, done
        case org = "org_id"
        case used = "used_credits"
        case granted = "granted_credits"
        case overage = "overage_credits"
        case reported = "reported_credits"
        case open = "open_credits"
        case stripe = "stripe_credits"
        case difference = "difference_credits"
    }

    var cells: [String] {
        [
            slug, month, "\(used)", "\(granted)", "\(overage)", "\(reported)", "\(open)",
            stripe.map(String.init) ?? "unknown", difference.map(String.init) ?? "unknown",
        ]
    }
}

extension JSONEncoder {
    fileprivate static var readable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
