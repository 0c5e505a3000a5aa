import AdminProtocol
import HTTPTypes
import Hummingbird
import WireText

/// Refuses what another site makes a signed-in browser send.
///
/// A browser attaches the session's cookie by itself, so a state change by cookie also has to say from which
/// page it comes. Browsers send `Origin` with every request that is neither GET nor HEAD, and
/// `Sec-Fetch-Site` beside it; a page can set neither. `SameSite=Lax` alone is not enough: hosts of
/// tenants are the same site as the platform, and where the cookie is the platform's own host's alone they
/// have no business here.
struct CrossSiteGuard: Sendable {
    /// Of the platform, as browsers reach it.
    let ownOrigin: String
    /// Hosts of this domain and below it share the session: over https their pages may use it.
    let sharedDomain: String?
    /// Whose pages may call besides, by configuration.
    let otherOrigins: Set<String>

    /// - Throws: `cross_site` (403).
    func check(_ request: Request) throws {
        guard ![.get, .head, .options].contains(request.method) else { return }
        guard isOurs(request) else {
            throw AppError(
                .forbidden, "cross_site",
                "A change by a session's cookie comes from a page of the platform: \"Origin\" must name it.")
        }
    }

    /// Whether the request comes from a page that shares the session.
    func isOurs(_ request: Request) -> Bool {
        let site = request.headers[.secFetchSite]
        guard site != "cross-site" else { return false }
        if let origin = request.headers[.origin] { return allows(origin) }
        // Without an origin only the browser's own word counts, and a tenant's page is no page of ours.
        return site == "same-origin"
    }

    private func allows(_ origin: String) -> Bool {
        if origin == ownOrigin || otherOrigins.contains(origin) { return true }
        guard let sharedDomain, origin.hasPrefix("https://") else { return false }
        let host = origin.dropFirst("https://".count).prefix { $0 != ":" }
        return Hostname.isWellFormed(host) && Hostname.isWithin(host, sharedDomain)
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
