import FoundationEssentials

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

    static let browser = [browserURL, sessionCookieDomain, sessionIdle, sessionLifetime]
}

/// What concerns people with a browser.
struct BrowserSettings: Sendable {
    /// Base URL of the platform, as browsers reach it.
    var url: String
    var sessions: SessionSettings

    init(_ reader: inout EnvironmentReader) {
        url = reader.optionalURL(.browserURL) ?? reader.optional(.publicURL) ?? ""
        sessions = SessionSettings(
            cookieDomain: reader.cookieDomain(), idle: reader.seconds(.sessionIdle, in: 300...31_536_000),
            lifetime: reader.seconds(.sessionLifetime, in: 300...31_536_000))
    }
}

extension CrossSiteGuard {
    init(_ settings: BrowserSettings) {
        self.init(ownOrigin: settings.url.origin, sharedDomain: settings.sessions.cookieDomain)
    }
}

extension EnvironmentReader {
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
    var origin: String {
        guard let scheme = firstRange(of: "://") else { return self }
        let end = self[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? endIndex
        return String(self[..<end])
    }
}
