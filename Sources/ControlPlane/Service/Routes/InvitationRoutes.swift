import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/orgs/:slug/invitations`, and accepting one.
struct InvitationRoutes: Sendable {
    let platform: Platform

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let open = try await InvitationStore(database: platform.database).open(org: context.org().id)
        return try Response.json(["invitations": open])
    }

    struct Order: RequestFields {
        var email: String
        var role: OrgRole

        enum CodingKeys: String, CodingKey, CaseIterable { case email, role }
    }

    private struct Link: Encodable {
        var invitation: Invitation
        var token: String
        var url: String

        private enum CodingKeys: String, CodingKey { case token, url }

        func encode(to encoder: any Encoder) throws {
            try invitation.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(token, forKey: .token)
            try container.encode(url, forKey: .url)
        }
    }

    /// The link is in this answer and nowhere else. Its token is in the URL's fragment, which no server on
    /// the way sees or logs.
    func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Order.self, from: request)
        guard let email = EmailAddress(body.email) else {
            throw AppError.invalidField("email", "The field \"email\" is not an e-mail address.")
        }
        let org = try context.org()
        let changer = try context.memberChanger()
        let token = SessionToken.generate()
        let invitation = try await platform.database.transaction { transaction in
            let change = try await MemberChange(of: org.id, by: changer, in: transaction)
            try await change.requireRight(over: [body.role])
            let store = InvitationStore(database: transaction)
            try await requireRoom(org, store)
            let made = try await store.insert(
                org: org.id, email: email, role: body.role, token: token.hash, invitedBy: changer.name)
            try await record("invitation.sent", made, org.id, context, in: transaction)
            return made
        }
        let url = platform.configuration.browser.appURL + "/invitation#" + token.text
        return try Response.json(
            Link(invitation: invitation, token: token.text, url: url), status: .created)
    }

    private func requireRoom(_ org: Org, _ store: InvitationStore) async throws {
        guard try await store.open(org: org.id).count < InvitationStore.maximumOpen else {
            throw AppError(
                .conflict, "too_many_invitations",
                "\(InvitationStore.maximumOpen) invitations are open. Revoke one first.")
        }
    }

    func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.org()
        guard let id = UUID(uuidString: try context.parameters.require("id")) else { throw Self.notFound }
        try await platform.database.transaction { transaction in
            guard let revoked = try await InvitationStore(database: transaction).revoke(id: id, org: org.id)
            else { throw Self.notFound }
            try await record("invitation.revoked", revoked, org.id, context, in: transaction)
        }
        return Response(status: .noContent)
    }

    /// By its id: the log outlives the organisation, and so holds no address.
    private func record(
        _ action: String, _ invitation: Invitation, _ org: UUID, _ context: AppContext,
        in transaction: Transaction
    ) async throws {
        try await AuditLog(database: transaction).record(
            .init(
                action: action, org: org, subject: invitation.id.text,
                after: ["role": .string(invitation.role.rawValue)]), by: context.origin)
    }

    struct Acceptance: RequestFields {
        var token: String

        enum CodingKeys: String, CodingKey, CaseIterable { case token }
    }

    private struct Joined: Encodable {
        var orgID: String
        var slug: String
        var role: OrgRole

        enum CodingKeys: String, CodingKey {
            case slug, role
            case orgID = "org_id"
        }
    }

    /// `POST /cp/auth/accept-invitation`, by whoever is signed in with the invited address.
    func accept(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Acceptance.self, from: request)
        let user = try context.user()
        guard let token = SessionToken(body.token) else { throw Self.notFound }
        let (org, role) = try await platform.database.transaction { transaction in
            try await join(user, by: token, context, in: transaction)
        }
        return try Response.json(Joined(orgID: org.id.text, slug: org.slug, role: role))
    }

    private func join(
        _ user: UserIdentity, by token: SessionToken, _ context: AppContext, in transaction: Transaction
    ) async throws -> (Org, OrgRole) {
        let store = InvitationStore(database: transaction)
        guard let (invitation, id) = try await store.find(token: token.hash) else { throw Self.notFound }
        guard user.isEmailVerified, user.email.flatMap(EmailAddress.init)?.text == invitation.email else {
            throw AppError(
                .forbidden, "other_address",
                "The invitation is for another address, or the identity provider has not verified yours.")
        }
        let members = MembershipStore(database: transaction)
        try await members.lock(org: id)
        guard try await store.accept(id: invitation.id, by: user.id),
            let org = try await OrgStore(database: transaction).find(id: id), org.status != .purged
        else { throw Self.notFound }
        guard try await members.count(org: id) < MemberChange.maximumMembers else {
            throw AppError(
                .conflict, "too_many_members",
                "The organisation has \(MemberChange.maximumMembers) members, the most that it may have.")
        }
        try await members.add(user.id, to: id, as: invitation.role)
        let role = try await members.role(of: user.id, in: id) ?? invitation.role
        try await record("invitation.accepted", invitation, id, context, in: transaction)
        return (org, role)
    }

    /// One answer for unknown, used, revoked and too old.
    private static let notFound = AppError(
        .notFound, "invitation_not_found", "There is no such invitation, or it is no longer open.")
}

extension MemberChanger {
    /// As an invitation names who sent it.
    fileprivate var name: String { if case .user(let id) = self { id } else { "a key" } }
}
