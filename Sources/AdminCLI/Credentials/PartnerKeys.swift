import ArgumentParser
import Foundation

struct PartnerKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partner-keys", abstract: "Keys with which partners use the organisation routes.",
        subcommands: [ListPartnerKeys.self, IssuePartnerKey.self, RevokePartnerKey.self])
}

struct ListPartnerKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys.")

    @OptionGroup var server: ServerOptions

    private struct List: Decodable {
        var keys: [IssuedCredential]

        enum CodingKeys: String, CodingKey { case keys = "partner_keys" }
    }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/partner-keys")
        if server.json { return sayJSON(data) }
        let head = [
            "PARTNER", "NAME", "KEY", "ORG", "A MINUTE", "EXPIRES", "LAST USED", "STATUS", "SCOPES", "ID",
        ]
        let rows = try decode(List.self, from: data).keys.map {
            [
                $0.partnerID ?? "-", $0.name, $0.shownPrefix, $0.orgID ?? "its own",
                $0.rateLimit.map { "\($0)" } ?? "default", $0.expiry, $0.lastUse, $0.status,
                ($0.scopes ?? []).joined(separator: ","), $0.id,
            ]
        }
        table([head] + rows).forEach(say)
    }
}

struct IssuePartnerKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Issue a key. It is shown once.",
        discussion: """
            Without --org it reaches the organisations that the partner creates. Scopes: orgs:create \
            orgs:read orgs:delete orgs:export billing:read billing:manage provision:status admin:keys.
            """)

    @Argument(help: "What the key is for.")
    var name: String
    @Option(help: "The partner's id. Keys of the same partner reach the same organisations.")
    var partner: String
    @Option(help: "Scopes, separated by commas.")
    var scopes: String
    @Option(help: "Id of the one organisation that it reaches.")
    var org: String?
    @Option(help: "Days until it expires; without this it does not.")
    var expiresInDays: Int?
    @Option(help: "Requests a minute; by default the configured limit.")
    var rateLimit: Int?
    @OptionGroup var server: ServerOptions

    struct Order: Encodable, Equatable {
        var name: String
        var partnerID: String
        var scopes: [String]
        var orgID: String?
        var expiresInDays: Int?
        var rateLimit: Int?

        enum CodingKeys: String, CodingKey {
            case name, scopes
            case partnerID = "partner_id"
            case orgID = "org_id"
            case expiresInDays = "expires_in_days"
            case rateLimit = "rate_limit"
        }
    }

    var order: Order {
        Order(
            name: name, partnerID: partner, scopes: scopes.split(separator: ",").map(String.init), orgID: org,
            expiresInDays: expiresInDays, rateLimit: rateLimit)
    }

    func run() async throws {
        let data = try await server.connect().call("POST", "/cp/admin/partner-keys", body: order)
        if server.json { return sayJSON(data) }
        try decode(IssuedCredential.self, from: data).issued.forEach(say)
    }
}

struct RevokePartnerKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revoke a key at once.")

    @Argument(help: "Its id, as the list shows it.")
    var id: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await server.revoke(id, of: "/cp/admin/partner-keys")
    }
}
