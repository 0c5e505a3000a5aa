import ArgumentParser
import Foundation

struct AddOwner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-owner",
        abstract: "Add an owner to an organisation.",
        discussion: "An organisation that `controlplane adopt` rebuilt has no members until then.")

    @Argument var slug: String
    @Argument(help: "The user's id, as the identity provider's `sub`.")
    var user: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let path = "/cp/admin/orgs/\(escaped(slug))/owners"
        let data = try await server.connect().call("POST", path, body: ["user_id": user])
        if server.json { return sayJSON(data) }
        say("\(user) owns \(slug).")
    }
}
