import ArgumentParser
import Foundation

struct Orphans: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List this platform's resources that belong to no organisation, with their monthly cost.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/orphans")
        if server.json { return sayJSON(data) }
        try decode(Reconciliation.self, from: data).print(showing: ["orphan"])
    }
}

struct Drift: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List where the cloud differs from the platform's rows.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/drift")
        if server.json { return sayJSON(data) }
        try decode(Reconciliation.self, from: data).print(showing: ["ghost", "drift"])
    }
}

struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare rows and cloud now. Without --apply it only shows what would be done.",
        discussion: """
            With --apply it repairs drift, marks ghosts, quarantines orphans, and deletes those whose grace \
            period is over, unless they are more than the configured share.
            """)

    @Flag(help: "Apply the plan.")
    var apply = false
    @Flag(help: "Also delete resources of organisations that no row knows; try `controlplane adopt` first.")
    var deleteUnknown = false
    @Flag(
        inversion: .prefixedNo,
        help: "Wait for the findings. Otherwise one replica compares; drift and orphans show the result.")
    var wait = true
    @OptionGroup var server: ServerOptions

    private struct Order: Encodable {
        var dryRun: Bool
        var deleteUnknown: Bool
        var wait: Bool

        enum CodingKeys: String, CodingKey {
            case wait
            case dryRun = "dry_run"
            case deleteUnknown = "delete_unknown"
        }
    }

    func run() async throws {
        let data = try await server.connect().call(
            "POST", "/cp/admin/reconcile",
            body: Order(dryRun: !apply, deleteUnknown: deleteUnknown, wait: wait),
            timeout: .seconds(900))
        if server.json { return sayJSON(data) }
        guard wait else { return say("Requested. `cpctl drift` and `cpctl orphans` will show the findings.") }
        let answer = try decode(Reconciliation.self, from: data)
        answer.print(showing: ["orphan", "ghost", "drift"])
        if let run = answer.run {
            say(
                apply
                    ? "\(run.acted) findings settled with \(run.calls) provider calls."
                    : "Nothing was changed (\(run.calls) provider calls). Apply it: cpctl reconcile --apply"
            )
        }
    }
}

/// What the reconciler's routes answer.
struct Reconciliation: Decodable {
    struct Run: Decodable {
        var startedAt: String
        var outcome: String
        var reason: String?
        var seen: Int
        var acted: Int
        var calls: Int

        enum CodingKeys: String, CodingKey {
            case outcome, reason, seen, acted, calls
            case startedAt = "started_at"
        }
    }

    struct Finding: Decodable {
        var category: String
        var code: String
        var kind: String
        var resource: String
        var slug: String?
        var detail: String
        var monthlyUSD: Double?
        var firstSeen: String
        var nextAction: String
        var nextActionAt: String?
        var lastError: String?

        enum CodingKeys: String, CodingKey {
            case category, code, kind, resource, slug, detail
            case monthlyUSD = "monthly_usd"
            case firstSeen = "first_seen"
            case nextAction = "next_action"
            case nextActionAt = "next_action_at"
            case lastError = "last_error"
        }
    }

    var run: Run?
    var findings: [Finding]
    var monthlyUSD: Double
    var unknownPrices: Int

    enum CodingKeys: String, CodingKey {
        case run, findings
        case monthlyUSD = "monthly_usd"
        case unknownPrices = "unknown_prices"
    }

    /// - Parameter categories: those asked for; each that has findings becomes a table.
    func print(showing categories: [String]) {
        guard let run else { return say("Rows and cloud have not been compared yet: cpctl reconcile") }
        for category in categories {
            let rows = findings.filter { $0.category == category }
            guard !rows.isEmpty else { continue }
            category == "orphan" ? printOrphans(rows) : printDrift(rows)
            say("")
        }
        let shown = findings.filter { categories.contains($0.category) }.count
        let reason = run.reason.map { ": \($0)" } ?? ""
        say("\(shown) findings among \(run.seen) resources at \(run.startedAt) (\(run.outcome)\(reason)).")
    }

    private func printOrphans(_ rows: [Finding]) {
        let lines = rows.map { finding in
            [
                finding.kind, finding.resource, finding.slug ?? "-",
                finding.monthlyUSD.map(Self.dollars) ?? "unknown", finding.firstSeen, Self.next(finding),
                finding.detail,
            ]
        }
        table([["KIND", "ORPHAN", "TENANT", "USD/MONTH", "SINCE", "NEXT", "WHY"]] + lines).forEach(say)
        let more = unknownPrices == 0 ? "" : ", and \(unknownPrices) of unknown price"
        say("In total \(Self.dollars(monthlyUSD)) USD a month\(more).")
    }

    private func printDrift(_ rows: [Finding]) {
        let lines = rows.map { finding in
            [
                finding.slug ?? "-", finding.code, finding.kind, finding.resource, finding.firstSeen,
                Self.next(finding), finding.lastError ?? finding.detail,
            ]
        }
        table([["TENANT", "DRIFT", "KIND", "WHAT", "SINCE", "NEXT", "DETAIL"]] + lines).forEach(say)
    }

    private static func next(_ finding: Finding) -> String {
        let verb = finding.nextAction == "wait" ? "delete" : finding.nextAction
        guard finding.nextAction == "wait", let due = finding.nextActionAt else { return verb }
        return "\(verb) at \(due)"
    }

    private static func dollars(_ amount: Double) -> String {
        let cents = Int((amount * 100).rounded())
        return "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }
}
