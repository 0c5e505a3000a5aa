import HTTPTypes
import Hummingbird
import Postgres

/// The gate of the routes for customers: a person by their browser's session, a program by its key.
struct CustomerGate: Sendable {
    private let platform: Platform
    private let sessions: SessionStore
    private let crossSite: CrossSiteGuard

    init(_ platform: Platform) {
        self.platform = platform
        sessions = SessionStore(
            database: platform.quickReads, settings: platform.configuration.browser.sessions)
        crossSite = CrossSiteGuard(platform.configuration)
    }

    /// - Throws: see `Gate.admit`.
    func admit(_ request: Request, for scope: Scope, slug: Slug?) async throws -> Admission {
        // A request that shows a key is judged by the key alone, whatever cookie comes with it.
        if request.headers[.authorization] != nil { return try await admitKey(request, scope, slug) }
        return try await admitUser(request, scope, slug)
    }

    /// What the key cannot reach is not there for it, whatever its scopes.
    private func admitKey(_ request: Request, _ scope: Scope, _ slug: Slug?) async throws -> Admission {
        let key = try await CredentialStore(database: platform.database)
            .prove(try BearerToken.text(in: request), [.partner, .org])
        var org: Org?
        if let slug {
            let orgs = OrgStore(database: platform.database)
            org = try await orgs.find(slug: slug)
            if org == nil { org = try await orgs.findRetained(slug: slug) }
            guard let org, key.reaches(org) else { throw AppError.orgNotFound(slug.text) }
        }
        try key.scopes.require(scope)
        return Admission(.key(key), org: org)
    }

    private func admitUser(_ request: Request, _ scope: Scope, _ slug: Slug?) async throws -> Admission {
        var user = try await user(of: request)
        guard let slug else {
            try Scope.ofEveryUser.require(scope)
            return Admission(.user(user))
        }
        let memberships = MembershipStore(database: platform.database)
        guard let (org, role) = try await memberships.find(slug: slug, user: user.id) else {
            throw AppError.orgNotFound(slug.text)
        }
        try role.scopes.require(scope)
        user.role = role
        return Admission(.user(user), org: org)
    }

    /// Who is signed in; a change has to come from a page of the platform.
    func user(of request: Request) async throws -> UserIdentity {
        guard let token = sessions.settings.token(in: request),
            let session = try await platform.answeringQuickly({ _ in
                try await sessions.use(token: token.hash)
            })
        else { throw AppError.unauthenticated }
        try crossSite.check(request)
        return UserIdentity(
            id: session.userID, email: session.email, isEmailVerified: session.isEmailVerified,
            sessionID: session.id)
    }
}

extension Set<Scope> {
    /// - Throws: `scope_missing` (403).
    func require(_ scope: Scope) throws {
        guard contains(scope) else {
            throw AppError(
                .forbidden, "scope_missing", "This needs the scope \"\(scope.rawValue)\".",
                members: ["scope": scope.rawValue])
        }
    }
}
