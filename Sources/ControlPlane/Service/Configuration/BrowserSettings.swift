import Fleet
import FoundationEssentials
import Organisations
import Providers
import WireText

extension Variable {
    static let browserURL = Variable(
        name: "CP_BROWSER_URL",
        meaning: "base URL under which browsers reach the control plane; unset: CP_PUBLIC_URL", fallback: "")
    static let sessionCookieDomain = Variable(
        name: "SESSION_COOKIE_DOMAIN",
        meaning: "domain that shares the session with every host below it, so that tenants see who is signed "
            + "in; unset: the platform's own host alone", fallback: "")
    static let sessionIdle = Variable(
        name: "SESSION_IDLE_SECONDS", meaning: "a session that is unused for this long ends",
        fallback: "604800")
    static let sessionLifetime = Variable(
        name: "SESSION_LIFETIME_SECONDS", meaning: "a session ends after this long, however much it is used",
        fallback: "2592000")

    static let appURL = Variable(
        name: "APP_URL",
        meaning: "base URL of the pages that people work with: where a browser goes after signing in and out "
            + "unless it says otherwise, and where invitations lead; unset: CP_BROWSER_URL itself",
        fallback: "")
    static let oidcIssuer = Variable(
        name: "OIDC_ISSUER",
        meaning:
            "OpenID Connect provider that people sign in with, exactly as it names itself; unset: nobody "
            + "signs in by a browser", fallback: "")
    static let oidcClientID = Variable(
        name: "OIDC_CLIENT_ID", meaning: "with OIDC_ISSUER: this platform's id at the provider", fallback: "")
    static let oidcClientSecret = Variable(
        name: "OIDC_CLIENT_SECRET", meaning: "with OIDC_ISSUER: its secret", fallback: "", isSecret: true)
    static let oidcScopes = Variable(
        name: "OIDC_SCOPES", meaning: "what the provider is asked for, separated by spaces",
        fallback: "openid email profile")

    static let browser = [
        browserURL, appURL, sessionCookieDomain, sessionIdle, sessionLifetime, oidcIssuer, oidcClientID,
        oidcClientSecret, oidcScopes, termsFile,
    ]
}

/// What concerns people with a browser.
struct BrowserSettings: Sendable {
    /// Base URL of the platform, as browsers reach it.
    var url: String
    var appURL: String
    var sessions: SessionSettings
    var returnURLs: ReturnURLs
    /// nil: nobody signs in by a browser.
    var oidc: OIDCSettings?

    /// - Parameter launch: says where tenants live.
    init(_ reader: inout EnvironmentReader, _ launch: LaunchSettings, domains: [String]) {
        url = reader.optionalURL(.browserURL) ?? launch.publicURL
        appURL = reader.optionalURL(.appURL) ?? url
        returnURLs = ReturnURLs(
            domains: Set(domains + [launch.tenantDomain]), ownHost: url.hostAndPort.host,
            ports: Set([url, appURL, launch.edgeURL].compactMap(\.hostAndPort.port)),
            fallback: reader.optionalURL(.appURL) ?? url + "/cp/auth/me")
        oidc = reader.oidc(redirectURL: url + SignInRoutes.callbackPath)
        sessions = SessionSettings(
            cookieDomain: reader.cookieDomain(), idle: reader.seconds(.sessionIdle, in: 300...31_536_000),
            lifetime: reader.seconds(.sessionLifetime, in: 300...31_536_000))
    }
}

extension CrossSiteGuard {
    init(_ configuration: Configuration) {
        let browser = configuration.browser
        self.init(
            ownOrigin: browser.url.origin, sharedDomain: browser.sessions.cookieDomain,
            otherOrigins: configuration.corsOrigins)
    }
}

extension EnvironmentReader {
    fileprivate mutating func oidc(redirectURL: String) -> OIDCSettings? {
        guard optional(.oidcIssuer) != nil else { return nil }
        let issuer = parse(.oidcIssuer, expected: "an https URL, or one of this machine") {
            $0.hasPrefix("https://") || Hostname.isLoopback(url: $0) ? $0 : nil
        }
        for variable in [Variable.oidcClientID, .oidcClientSecret] where optional(variable) == nil {
            note("\(variable.name) is not set: \(variable.meaning)")
        }
        let scopes = (optional(.oidcScopes) ?? "").split(separator: " ").map(String.init)
        if !scopes.contains("openid") { note("OIDC_SCOPES: \"openid\" is not among them.") }
        return OIDCSettings(
            issuer: issuer ?? "", clientID: optional(.oidcClientID) ?? "",
            clientSecret: optional(.oidcClientSecret) ?? "", scopes: scopes, redirectURL: redirectURL)
    }

    fileprivate mutating func cookieDomain() -> String? {
        guard optional(.sessionCookieDomain) != nil else { return nil }
        return parse(.sessionCookieDomain, expected: "a domain in lower case, without a dot in front") {
            let labels = $0.split(separator: ".", omittingEmptySubsequences: false)
            let letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
            return labels.allSatisfy { !$0.isEmpty && $0.allSatisfy(letters.contains) } ? $0 : nil
        }
    }
}

extension String {
    /// Scheme, host and port of a URL: what comes before its path.
    package var origin: String {
        guard let scheme = firstRange(of: "://") else { return self }
        let end = self[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? endIndex
        return String(self[..<end])
    }

    /// Of a URL without a user's name.
    fileprivate var hostAndPort: (host: String, port: String?) {
        let authority = origin.split(separator: "/").last ?? ""
        let halves = authority.split(separator: ":", maxSplits: 1)
        return (String(halves.first ?? ""), halves.count == 2 ? String(halves[1]) : nil)
    }
}
