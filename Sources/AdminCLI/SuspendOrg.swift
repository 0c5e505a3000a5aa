import ArgumentParser
import Foundation

struct SuspendOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend",
        abstract: "Suspend an organisation: it is not provisioned or redeployed, and its data stays.")

    @Argument var slug: String
    @Option(help: "The reason; its tenant sees it.")
    var reason: String?
    @OptionGroup var server: ServerOptions

    func run() async throws {
        var body: [String: String] = [:]
        body["reason"] = reason
        let path = "/cp/admin/orgs/\(escaped(slug))/suspend"
        let data = try await server.connect().call("POST", path, body: body)
        if server.json { return sayJSON(data) }
        say("\(slug) is suspended. To end that: cpctl orgs resume \(slug)")
    }
}

struct ResumeOrg: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "End a suspension: an operator's, a customer's, or one for a failed payment.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    private struct Outcome: Decodable { var status: String }

    func run() async throws {
        let path = "/cp/admin/orgs/\(escaped(slug))/resume"
        let data = try await server.connect().call("POST", path, body: [String: String]())
        if server.json { return sayJSON(data) }
        say("\(slug) is \(try decode(Outcome.self, from: data).status) again.")
    }
}
