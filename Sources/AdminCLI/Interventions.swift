import ArgumentParser
import Foundation

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Retry a tenant's workflow now, or launch a failed tenant again.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws { try await intervene("retry", slug, server) }
}

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel a provisioning, redeploy or repair, or a change of the instance's type that waits.",
        discussion: "Everything that a cancelled provisioning has created is removed.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws { try await intervene("cancel", slug, server) }
}

struct Force: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Skip the wait of a tenant's workflow, as if what it waits for had happened.",
        discussion: "`cpctl why SLUG` shows what that is. Check first that it has happened.")

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
        abstract: "Run the boot script again on a tenant's running instance, over SSM.",
        discussion: "The tenant's stored data is not touched.")

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
