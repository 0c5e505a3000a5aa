import ArgumentParser
import Foundation

struct TenantHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show which images a tenant was given, by whom, newest first.")

    @Argument var slug: String
    @Option(help: "How many, at most 200.")
    var limit = 20
    @OptionGroup var server: ServerOptions

    private struct History: Decodable { var redeploys: [Redeploy] }

    func run() async throws {
        let data = try await server.connect().call(
            "GET", "/cp/admin/tenants/\(escaped(slug))/redeploys?limit=\(limit)")
        if server.json { return sayJSON(data) }
        let redeploys = try decode(History.self, from: data).redeploys
        guard !redeploys.isEmpty else {
            return say("\(slug) was never redeployed: it runs what it was launched with.")
        }
        table([["WHEN", "SERVICE", "FROM", "TO", "OUTCOME", "TOOK", "BY", "WHY"]] + redeploys.map(\.cells))
            .forEach(say)
    }
}
