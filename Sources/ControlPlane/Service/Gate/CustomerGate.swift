import AdminProtocol
import HTTPTypes
import Hummingbird
import Organisations
import Postgres

/// The gate of the routes for customers: a person by their browser's session, a program by its key.
struct CustomerGate: Sendable {
    private let platform: Platform
    private let sessions: SessionStore
    private let crossSite: CrossSiteGuard

    init(_ platform: Platform) {
        self.platform = platform
        sessions = SessionStore(
            database: platform.quickReads.database, settings: platform.configuration.browser.sessions)
        crossSite = CrossSiteGuard(platform.configuration)
    }

    /// - Throws: see `Gate.admit`.
    func admit(_ request: Request, for scope: Scope, slug: Slug?) async throws -> Admission {
        try await authorize(try await identify(request), for: scope, slug: slug)
    }

    /// Who calls, whatever they may do. A request that shows a key is judged by the key alone, whatever
    /// cookie comes with it.
    func identify(_ request: Request) async throws -> Caller {
        guard request.headers[.authorization] != nil else { return .user(try await user(of: request)) }
        return .key(
            try await CredentialStore(database: platform.database)
                .prove(try BearerToken.text(in: request), [.partner, .org]))
    }

    /// - Throws: `org_not_found` (404), `scope_missing` (403); `unauthenticated` for who is no customer.
    func authorize(_ caller: Caller, for scope: Scope, slug: Slug?) async throws -> Admission {
        switch caller {
        case .key(let key): try await authorize(key, scope, slug)
        case .user(let user): try await authorize(user, scope, slug)
        default: throw AppError.unauthenticated
        }
    }

    /// What the key cannot reach is not there for it, whatever its scopes.
    private func authorize(_ key: Credential, _ scope: Scope, _ slug: Slug?) async throws -> Admission {
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

    private func authorize(_ user: UserIdentity, _ scope: Scope, _ slug: Slug?) async throws -> Admission {
        var user = user
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
            let session = try await platform.quickReads({ _ in
                try await sessions.use(token: token.hash)
            })
        else { throw AppError.unauthenticated }
        try crossSite.check(request)
        return UserIdentity(
            id: session.userID, email: session.email, isEmailVerified: session.isEmailVerified,
            sessionID: session.id)
    }
}
