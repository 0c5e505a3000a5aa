import ArgumentParser
import Foundation

struct ListRollouts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the last rollouts, newest first.")

    @Option(help: "How many, at most 200.")
    var limit = 20
    @OptionGroup var server: ServerOptions

    private struct List: Decodable { var rollouts: [Rollout] }

    func run() async throws {
        let data = try await server.connect().call("GET", "\(Rollout.collection)?limit=\(limit)")
        if server.json { return sayJSON(data) }
        let rollouts = try decode(List.self, from: data).rollouts
        guard !rollouts.isEmpty else {
            return say("There is no rollout yet. `cpctl rollout start` starts one.")
        }
        table([["ID", "STARTED", "IMAGE", "STATE", "UPDATED", "FAILED", "WHY"]] + rollouts.map(\.cells))
            .forEach(say)
    }
}

struct ShowRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a rollout, and every tenant of it with its outcome.")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @Option(help: "Only tenants in this phase.")
    var phase: RolloutTenant.Phase?
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let api = try server.connect()
        let data = try await api.call("GET", "\(Rollout.collection)/\(escaped(try await id.resolve(api)))")
        if server.json { sayJSON(data) }
        let rollout = try decode(Rollout.self, from: data)
        let tenants = try await RolloutTenants(api: api, rollout: rollout)
            .all(phase) { if server.json { sayJSON($0) } }
        guard !server.json else { return }
        let board = RolloutBoard(rollout: rollout, now: Date())
        board.lines(columns: .max, rows: .max).forEach(say)
        (rollout.advice + [""] + rollout.tenantTable(tenants)).forEach(say)
    }
}

extension Rollout {
    fileprivate var cells: [String] {
        let failed = count([.failed, .rolledBack])
        return [
            shortID, createdAt.text, imageName, words(state), "\(count([.updated]))/\(tenantCount)",
            failed == 0 ? "-" : "\(failed)", reason ?? "",
        ]
    }

    func tenantTable(_ tenants: [RolloutTenant]) -> [String] {
        guard !tenants.isEmpty else { return ["No tenant is in this phase."] }
        let rows = tenants.map { tenant in
            [
                tenant.slug, tenant.phase == "skipped" ? "-" : waveName(tenant.wave), words(tenant.phase),
                tenant.verdict.map(words) ?? "-", shortDigest(tenant.digestBefore),
                shortDigest(tenant.digestAfter), tenant.why,
            ]
        }
        return table([["TENANT", "WAVE", "PHASE", "VERDICT", "FROM", "TO", "WHY"]] + rows)
    }
}
