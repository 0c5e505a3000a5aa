import ArgumentParser
import Foundation

struct Usage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Use of language models: sums, gaps, events in quarantine, prices.",
        subcommands: [
            ShowUsage.self, UsageGaps.self, SetAsideCommand.self, UsageCheckCommand.self, UsagePrices.self,
        ])
}

struct ShowUsage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Sum up an organisation's usage by day, model or workspace.")

    enum Grouping: String, ExpressibleByArgument, CaseIterable { case day, model, workspace }

    @Argument var slug: String
    @Option(help: "The first day (UTC), for example 2026-11-24; by default the first of the month.")
    var from: String?
    @Option(help: "The last day; by default today.")
    var to: String?
    @Option(help: "What to sum up by.")
    var by = Grouping.day
    @Flag(help: "Print comma-separated values.")
    var csv = false
    @OptionGroup var server: ServerOptions

    private struct Answer: Decodable {
        var from: String
        var to: String
        var rows: [Row]
        var totals: Row
    }

    private struct Row: Decodable {
        var day: String?
        var provider: String?
        var model: String?
        var workspaceID: String?
        var events: Int
        var inputTokens: Int
        var outputTokens: Int
        var cachedTokens: Int
        var reasoningTokens: Int
        var millicredits: Int

        enum CodingKeys: String, CodingKey {
            case day, provider, model, events, millicredits
            case workspaceID = "workspace_id"
            case inputTokens = "input_tokens"
            case outputTokens = "output_tokens"
            case cachedTokens = "cached_tokens"
            case reasoningTokens = "reasoning_tokens"
        }

        var name: String {
            day ?? workspaceID ?? [provider, model].compactMap { $0.map(oneLine) }.joined(separator: "/")
        }

        func cells(_ name: String) -> [String] {
            let counts = [events, inputTokens, outputTokens, cachedTokens, reasoningTokens]
            return [name] + counts.map(String.init) + [credits(millicredits)]
        }
    }

    func run() async throws {
        var query = ["group_by=\(by.rawValue)"]
        if let from { query.append("from=\(escaped(from))") }
        if let to { query.append("to=\(escaped(to))") }
        if csv { query.append("format=csv") }
        let path = "/cp/admin/orgs/\(escaped(slug))/usage?" + query.joined(separator: "&")
        let data = try await server.connect().call("GET", path)
        if csv { return FileHandle.standardOutput.write(data) }
        if server.json { return sayJSON(data) }
        let answer = try decode(Answer.self, from: data)
        guard !answer.rows.isEmpty else {
            return say("\(slug) used nothing from \(answer.from) to \(answer.to).")
        }
        let header = [
            by.rawValue.uppercased(), "EVENTS", "INPUT", "OUTPUT", "CACHED", "REASONING", "CREDITS",
        ]
        let rows = answer.rows.map { $0.cells($0.name) } + [answer.totals.cells("total")]
        table([header] + rows).forEach(say)
        say("")
        say("From \(answer.from) to \(answer.to), both included, in UTC.")
    }
}

/// Thousandths as credits: `12`, `1.5`
func credits(_ millicredits: Int) -> String {
    let (whole, rest) = millicredits.quotientAndRemainder(dividingBy: 1_000)
    guard rest != 0 else { return "\(whole)" }
    var digits = String(String(1_000 + rest).dropFirst())
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
}
