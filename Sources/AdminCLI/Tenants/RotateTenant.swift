import ArgumentParser
import Foundation

struct RotateTenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Rotate a tenant's admin token without downtime.",
        discussion: """
            The instance fetches the token, molecule-tenant is started with it beside the old container, and \
            the old token ends when the new one is in use. With --follow, exit status 0 means that it is. \
            With --show nothing changes.
            """)

    @Argument var slug: String
    @Flag(help: "Wait for the end.")
    var follow = false
    @Flag(help: "Only show where a rotation stands.")
    var show = false
    @OptionGroup var server: ServerOptions

    private struct Credentials: Decodable {
        struct Rotation: Decodable {
            var pending: Bool
            var issuedAt: Timestamp?
            var usedAt: Timestamp?
            var rotatedAt: Timestamp?

            enum CodingKeys: String, CodingKey {
                case pending
                case issuedAt = "next_issued_at"
                case usedAt = "next_used_at"
                case rotatedAt = "rotated_at"
            }
        }

        var rotation: Rotation

        var lines: [String] {
            table([
                ["rotated", rotation.rotatedAt?.text ?? "never"],
                ["next", rotation.issuedAt.map { "issued \($0.text)" } ?? "-"],
                ["next used", rotation.usedAt?.text ?? "-"],
            ])
        }
    }

    func run() async throws {
        let api = try server.connect()
        let path = "/cp/admin/tenants/\(escaped(slug))"
        guard !show else {
            let data = try await api.call("GET", path + "/credentials")
            if server.json { return sayJSON(data) }
            return try decode(Credentials.self, from: data).lines.forEach(say)
        }
        let data = try await api.call("POST", path + "/rotate-credentials", body: [String: String]())
        let begun = try decode(Redeploy.self, from: data)
        if server.json { sayJSON(data) } else { say("Rotating the token of \(slug) (\(begun.id ?? "-"))") }
        if follow, let id = begun.id {
            try await RedeployWatch(slug: slug, id: id, printsJSON: server.json)
                .run(api, lastPhase: begun.phase)
        }
    }
}
