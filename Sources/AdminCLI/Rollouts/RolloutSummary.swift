import ArgumentParser
import Foundation

struct SummariseRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Print a rollout as Markdown, for the summary of a CI job.",
        discussion: "cpctl rollout summary latest >> \"$GITHUB_STEP_SUMMARY\"")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let api = try server.connect()
        let data = try await api.call("GET", "\(Rollout.collection)/\(escaped(try await id.resolve(api)))")
        if server.json { sayJSON(data) }
        func hear(_ data: Data) { if server.json { sayJSON(data) } }
        let rollout = try decode(Rollout.self, from: data)
        let tenants = RolloutTenants(api: api, rollout: rollout)
        let summary = RolloutSummary(
            rollout: rollout, failures: try await tenants.failures(heard: hear),
            skipped: rollout.count([.skipped]) == 0 ? [] : try await tenants.all(.skipped, heard: hear),
            now: Date())
        if !server.json { summary.lines.forEach(say) }
    }
}

/// A rollout as Markdown.
struct RolloutSummary {
    var rollout: Rollout
    var failures: [RolloutTenant]
    var skipped: [RolloutTenant]
    var now: Date

    /// Failures that are listed: a job's summary has a limit of 1 MiB.
    static let shownFailures = 200

    var lines: [String] {
        ["## Rollout \(rollout.shortID): \(words(rollout.state))", ""] + facts + waves + failureTable
            + skipTable
    }

    private var facts: [String] {
        var rows = [
            ["State", words(rollout.state)], ["Image", image],
            ["Service", rollout.service], ["Started", rollout.createdAt.text],
            [rollout.isFinal ? "Duration" : "Running for", span(rollout.duration(at: now))],
            ["Tenants", rollout.outcomes.outcomeText], ["Rollout", "`\(rollout.id)`"],
        ]
        if let channel = rollout.channel { rows.insert(["Channel", channel], at: 3) }
        if let reason = rollout.reason { rows.insert(["Reason", reason], at: 1) }
        return Self.table(["", ""], rows)
    }

    private var image: String {
        guard !rollout.isRefresh, let digest = rollout.digest else { return rollout.imageName }
        return [rollout.targetTag, "`\(digest)`"].compactMap { $0 }.joined(separator: " ")
    }

    private var waves: [String] {
        let columns: [(String, (Rollout.Wave) -> Int)] = [
            ("tenants", { $0.total }), ("updated", { $0.count([.updated]) }),
            ("failed", { $0.count([.failed]) }),
            ("unhealthy", { $0.unhealthy }), ("not judged", { $0.inconclusive }),
            ("rolled back", { $0.count([.rolledBack]) }),
            ("in progress", { $0.count([.updating, .reverting]) }),
            ("not started", { $0.count([.pending, .untouched]) }),
        ]
        let rows = rollout.waves.map { wave in [wave.name] + columns.map { "\($0.1(wave))" } }
        return rows.isEmpty ? [] : ["", "### Waves", ""] + Self.table(["wave"] + columns.map(\.0), rows)
    }

    private var failureTable: [String] {
        guard !failures.isEmpty else { return [] }
        let rows = failures.prefix(Self.shownFailures).map { tenant in
            [tenant.slug, rollout.waveName(tenant.wave), tenant.condition, tenant.why]
        }
        let more = failures.count - Self.shownFailures
        return ["", "### Failures", ""] + Self.table(["tenant", "wave", "outcome", "why"], rows)
            + (more > 0 ? ["", "And \(more) more."] : [])
    }

    private var skipTable: [String] {
        guard !skipped.isEmpty else { return [] }
        let counts = Dictionary(grouping: skipped, by: \.why).mapValues(\.count)
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return ["", "### Skipped", ""]
            + Self.table(["why", "tenants"], counts.map { [$0.key, "\($0.value)"] })
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> [String] {
        func line(_ cells: [String]) -> String { "| " + cells.map(escaped).joined(separator: " | ") + " |" }
        return [line(head), "|" + String(repeating: " --- |", count: head.count)] + rows.map(line)
    }

    /// A cell stays one, whatever an error's text holds.
    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "&lt;")
            .split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
