import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import WireText

/// `/cp/orgs/:slug/members`
struct MemberRoutes: Sendable {
    let platform: Platform

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let members = try await MembershipStore(database: platform.database).list(org: context.org().id)
        return try Response.json(["members": members])
    }

    struct RoleChange: RequestFields {
        var role: OrgRole

        enum CodingKeys: String, CodingKey, CaseIterable { case role }
    }

    private struct Answer: Encodable {
        var userID: String
        var role: OrgRole

        enum CodingKeys: String, CodingKey {
            case role
            case userID = "user_id"
        }
    }

    func setRole(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(RoleChange.self, from: request)
        let (org, user) = (try context.org(), try context.member())
        let changer = try context.memberChanger()
        try await platform.database.transaction { transaction in
            let change = try await MemberChange(of: org.id, by: changer, in: transaction)
            let before = try await change.setRole(of: user, to: body.role)
            try await AuditLog(database: transaction).record(
                .init(
                    action: "member.role_changed", org: org.id, subject: user,
                    before: ["role": .string(before.rawValue)], after: ["role": .string(body.role.rawValue)]),
                by: context.origin)
        }
        return try Response.json(Answer(userID: user, role: body.role))
    }

    struct Owner: RequestFields {
        var userID: String

        enum CodingKeys: String, CodingKey, CaseIterable { case userID = "user_id" }
    }

    /// An operator gives an organisation an owner beside those that it has: one that was adopted has none.
    func addOwner(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Owner.self, from: request)
        let user = try OrgRoutes.bounded(body.userID, "user_id", OrgRoutes.maximumOwnerLength)
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        try await platform.database.transaction { transaction in
            let members = MembershipStore(database: transaction)
            try await members.lock(org: org.id)
            let before = try await members.role(of: user, in: org.id)
            try await members.addFounder(org: org.id, user: user)
            try await AuditLog(database: transaction).record(
                .init(
                    action: "member.owner_set", org: org.id, subject: user,
                    before: ["role": .text(before?.rawValue)], after: ["role": "owner"]),
                by: context.origin)
        }
        return try Response.json(Answer(userID: user, role: .owner))
    }

    func remove(_ request: Request, _ context: AppContext) async throws -> Response {
        try await remove(context.member(), context)
    }

    /// Anybody may leave, but for the last owner.
    func leave(_ request: Request, _ context: AppContext) async throws -> Response {
        try await remove(context.user().id, context)
    }

    private func remove(_ user: String, _ context: AppContext) async throws -> Response {
        let org = try context.org()
        let changer = try context.memberChanger()
        try await platform.database.transaction { transaction in
            let change = try await MemberChange(of: org.id, by: changer, in: transaction)
            let before = try await change.remove(user)
            try await AuditLog(database: transaction).record(
                .init(
                    action: "member.removed", org: org.id, subject: user,
                    before: ["role": .string(before.rawValue)]), by: context.origin)
        }
        return Response(status: .noContent)
    }
}

extension AppContext {
    /// The `:user` of the path.
    fileprivate func member() throws -> String {
        FormText.decode(try parameters.require("user"))
    }

    /// In whose name members are changed.
    func memberChanger() throws -> MemberChanger {
        guard case .user(let user) = caller else { return .key }
        return .user(user.id)
    }
}
