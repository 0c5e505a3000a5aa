import ArgumentParser
import Foundation

struct Operators: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Operator tokens: by name, with a role and an expiry.",
        subcommands: [ListOperators.self, IssueOperator.self, RevokeOperator.self])
}

struct ListOperators: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tokens, and the last use of the environment's token.")

    @OptionGroup var server: ServerOptions

    private struct List: Decodable {
        var tokens: [IssuedCredential]
        var environment: EnvironmentToken

        enum CodingKeys: String, CodingKey {
            case tokens = "operator_tokens"
            case environment = "environment_token"
        }
    }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/operator-tokens")
        if server.json { return sayJSON(data) }
        let list = try decode(List.self, from: data)
        let head = ["NAME", "ROLE", "TOKEN", "EXPIRES", "LAST USED", "STATUS", "ID"]
        let rows = list.tokens.map {
            [$0.name, $0.role ?? "-", $0.shownPrefix, $0.expiry, $0.lastUse, $0.status, $0.id]
        }
        if !rows.isEmpty { table([head] + rows).forEach(say) }
        list.environment.lines.forEach(say)
    }
}

/// The token of the control plane's environment, which is meant for the beginning and for emergencies.
struct EnvironmentToken: Decodable {
    var alarmed: Bool
    var lastUsedAt: Timestamp?
    var address: String?
    var uses: Int

    enum CodingKeys: String, CodingKey {
        case alarmed, address, uses
        case lastUsedAt = "last_used_at"
    }

    var lines: [String] {
        guard alarmed else {
            return ["Only the environment's token opens the operator routes: cpctl operators issue"]
        }
        guard let lastUsedAt else {
            return ["The environment's token has not been used since named tokens exist."]
        }
        let source = address.map { " from \($0)" } ?? ""
        return [
            "WARNING: the environment's token was used although named tokens exist: last \(lastUsedAt.text)"
                + "\(source), in \(counted(uses, "minute")) in all."
        ]
    }
}

struct IssueOperator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Issue a token. It is shown once.",
        discussion: """
            read: sees all but secrets. operate: also changes tenants and rollouts. admin: also deletes, \
            sees secrets and issues credentials.
            """)

    @Argument(help: "The operator's name, as the audit log will show it.")
    var name: String
    @Option(help: "read, operate or admin.")
    var role: String
    @Option(help: "Days until it expires; without this it does not.")
    var expiresInDays: Int?
    @OptionGroup var server: ServerOptions

    struct Order: Encodable, Equatable {
        var name: String
        var role: String
        var expiresInDays: Int?

        enum CodingKeys: String, CodingKey {
            case name, role
            case expiresInDays = "expires_in_days"
        }
    }

    func validate() throws {
        guard ["read", "operate", "admin"].contains(role) else {
            throw ValidationError("--role is read, operate or admin.")
        }
    }

    func run() async throws {
        let order = Order(name: name, role: role, expiresInDays: expiresInDays)
        let data = try await server.connect().call("POST", "/cp/admin/operator-tokens", body: order)
        if server.json { return sayJSON(data) }
        try decode(IssuedCredential.self, from: data).issued.forEach(say)
    }
}

struct RevokeOperator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a token at once.")

    @Argument(help: "Its id, as the list shows it.")
    var id: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await server.revoke(id, of: "/cp/admin/operator-tokens")
    }
}
