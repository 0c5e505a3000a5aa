import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import Providers

/// The way of a browser to the identity provider and back: `/cp/auth/login`, `signup` and `callback`.
struct SignInRoutes: Sendable {
    let platform: Platform
    let provider: OIDCProvider

    static let callbackPath = "/cp/auth/callback"
    /// Longest code of a provider that is passed on, in characters.
    static let maximumCodeLength = 4_096

    private var settings: BrowserSettings { platform.configuration.browser }

    func login(_ request: Request, _ context: AppContext) async throws -> Response {
        try await begin(request, isSignUp: false)
    }

    func signUp(_ request: Request, _ context: AppContext) async throws -> Response {
        try await begin(request, isSignUp: true)
    }

    private func begin(_ request: Request, isSignUp: Bool) async throws -> Response {
        let target = try settings.returnURLs.checked(request.text("return_to"))
        let secret = SignInSecret(request)
        let state = SessionToken.generate()
        let url = try await provider.authorizationURL(secret.challenge(state), isSignUp: isSignUp)
        try await SignInStore(database: platform.database).insert(
            state: state.hash, browser: secret.hash, returnTo: target)
        return .redirect(to: url, setting: [secret.cookie])
    }

    /// The provider has sent the browser back. A state counts once: it is gone before the code is used.
    func callback(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let secret = SignInSecret.found(request), let state = SessionToken(request.text("state")),
            let target = try await SignInStore(database: platform.database).take(
                state: state.hash, browser: secret.hash)
        else { throw Self.unknownSignIn }
        let code = try code(request)
        let token = try await provider.exchange(code: code, secret.challenge(state))
        let session = try await start(
            token, replacing: settings.sessions.token(in: request), context.origin)
        context.logger.info("signed in", metadata: ["user": "\(token.subject)"])
        return .redirect(
            to: target, setting: [settings.sessions.cookie(session), SignInSecret.endedCookie])
    }

    private static let unknownSignIn = AppError(
        .invalid, "unknown_sign_in",
        "This browser began no such sign-in, it was answered before, or it took longer than "
            + "\(SignInSecret.lifetime.wholeSeconds / 60) minutes. Sign in again.")

    /// - Throws: `sign_in_refused` (403) with the provider's reason.
    private func code(_ request: Request) throws -> String {
        // RFC 9207: a code of another provider is not for this one's token endpoint.
        if let issuer = request.text("iss"), issuer != provider.settings.issuer {
            throw OIDCFailure.refused("The answer comes from another identity provider.")
        }
        if let error = request.text("error") {
            let known = error.utf8.count <= 64 && error.utf8.allSatisfy { Self.ofErrorCode.contains($0) }
            throw OIDCFailure.refused(
                "The identity provider says \"\(known ? error : "something unreadable")\".")
        }
        guard let code = request.text("code"), (1...Self.maximumCodeLength).contains(code.utf8.count) else {
            throw OIDCFailure.refused("The identity provider sent no code.")
        }
        return code
    }

    private static let ofErrorCode = Set("abcdefghijklmnopqrstuvwxyz_".utf8)

    /// A new session with a new token, whatever the browser brought: what it had is ended.
    private func start(
        _ token: IDToken, replacing old: SessionToken?, _ origin: RequestOrigin
    ) async throws -> SessionToken {
        var origin = origin
        (origin.kind, origin.name) = (.user, token.subject)
        let new = SessionToken.generate()
        let email = token.email.flatMap { $0.count <= UserStore.maximumEmailLength ? $0 : nil }
        try await platform.database.transaction { transaction in
            try await UserStore(database: transaction).signedIn(
                id: token.subject, email: email, isEmailVerified: token.emailVerified?.isSet == true)
            try await MembershipStore(database: transaction).claimFounded(user: token.subject)
            let sessions = SessionStore(database: transaction, settings: settings.sessions)
            if let old { try await sessions.end(token: old.hash) }
            try await sessions.insert(id: UUID(), user: token.subject, token: new.hash)
            try await sessions.deleteEnded()
            try await AuditLog(database: transaction).record(
                .init(action: "session.started", subject: token.subject), by: origin)
        }
        return new
    }
}

extension Request {
    /// A parameter of the query, decoded; nil when it is not there.
    package func text(_ name: String) -> String? { uri.queryParameters[Substring(name)].map(String.init) }
}

extension Response {
    /// 302: the browser goes on with GET.
    static func redirect(to url: String, setting cookies: [Cookie]) -> Response {
        var response = Response(
            status: .found,
            headers: [.location: url, .cacheControl: "no-store"])
        for cookie in cookies { response.setCookie(cookie) }
        return response
    }
}
