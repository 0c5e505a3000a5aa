import ArgumentParser
import Foundation

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let what is under way for a tenant look again now, or launch a failed tenant anew.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws { try await intervene("retry", slug, server) }
}

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End a provisioning, redeploy or repair, or a change of the instance's type that waits.",
        discussion: "What a cancelled provisioning has created is removed.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws { try await intervene("cancel", slug, server) }
}

struct Force: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Declare what a tenant's workflow waits for as given; it goes on behind it.",
        discussion: "cpctl why says what that is. Whether it is true is for you to know.")

    @Argument var slug: String
    @Option(help: "The slug again.")
    var confirm: String
    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard confirm == slug else { throw ValidationError("--confirm must be the same slug: \(slug)") }
    }

    func run() async throws { try await intervene("force", slug, server, body: ["confirm": confirm]) }
}

struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the user-data again on a tenant's living instance, over SSM.",
        discussion: "Nothing that the tenant stores is touched.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws { try await intervene("repair", slug, server) }
}

private struct Intervention: Decodable { var message: String }

private func intervene(
    _ action: String, _ slug: String, _ server: ServerOptions, body: [String: String] = [:]
) async throws {
    let path = "/cp/admin/tenants/\(escaped(slug))/\(action)"
    let data = try await server.connect().call("POST", path, body: body)
    if server.json { return sayJSON(data) }
    say(try decode(Intervention.self, from: data).message)
}
