import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// Who is signed in, and signing out: `/cp/auth/me`, `logout` and `logout-everywhere`.
struct SessionRoutes: Sendable {
    let platform: Platform

    private var settings: BrowserSettings { platform.configuration.browser }

    private struct Me: Encodable {
        var userID: String
        /// null where the user belongs to none.
        var orgID: String?
        var email: String?

        enum CodingKeys: String, CodingKey {
            case email
            case userID = "user_id"
            case orgID = "org_id"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(userID, forKey: .userID)
            try container.encode(orgID, forKey: .orgID)
            try container.encode(email, forKey: .email)
        }
    }

    /// `org_id` is the organisation of `X-Molecule-Org-Id` where the user belongs to it, as a tenant's page
    /// sends it, else the one that the user has belonged to for longest.
    func me(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let wanted = request.headers[.moleculeOrgID].flatMap(UUID.init(uuidString:))
        let org = try await platform.quickReads {
            try await MembershipStore(database: $0).firstOrg(of: user.id, preferring: wanted)
        }
        return try Response.json(Me(userID: user.id, orgID: org?.text, email: user.email))
    }

    /// GET, for a link: ends the session of this browser and goes to `return_to`.
    ///
    /// A page of another site must not be able to sign people out, so a link on one does not.
    func logOutByLink(_ request: Request, _ context: AppContext) async throws -> Response {
        let target = try settings.returnURLs.checked(request.text("return_to"))
        guard request.headers[.secFetchSite] != "cross-site" else {
            return .redirect(to: target, setting: [])
        }
        try await end(request, context)
        return .redirect(to: target, setting: [settings.sessions.endedCookie])
    }

    /// POST, for a page: 204 whether or not the browser was signed in.
    func logOut(_ request: Request, _ context: AppContext) async throws -> Response {
        try CrossSiteGuard(platform.configuration).check(request)
        try await end(request, context)
        return .signedOut(settings.sessions)
    }

    /// Every browser of the user is signed out, this one too.
    func logOutEverywhere(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let ended = try await platform.database.transaction { transaction in
            let ended = try await SessionStore(database: transaction, settings: settings.sessions)
                .endAll(user: user.id)
            try await AuditLog(database: transaction).record(
                .init(
                    action: "session.ended_everywhere", subject: user.id,
                    before: ["sessions": .integer(ended)]
                ), by: context.origin)
            return ended
        }
        context.logger.info("signed out everywhere", metadata: ["user": "\(user.id)", "ended": "\(ended)"])
        return .signedOut(settings.sessions)
    }

    private func end(_ request: Request, _ context: AppContext) async throws {
        guard let token = settings.sessions.token(in: request) else { return }
        try await platform.database.transaction { transaction in
            let sessions = SessionStore(database: transaction, settings: settings.sessions)
            guard let ended = try await sessions.end(token: token.hash) else { return }
            var origin = context.origin
            (origin.kind, origin.name) = (.user, ended.userID)
            try await AuditLog(database: transaction).record(
                .init(action: "session.ended", subject: ended.userID), by: origin)
        }
    }
}

extension Response {
    fileprivate static func signedOut(_ sessions: SessionSettings) -> Response {
        var response = Response(status: .noContent, headers: [.cacheControl: "no-store"])
        response.setCookie(sessions.endedCookie)
        return response
    }
}
