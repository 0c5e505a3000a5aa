import Fleet
import FoundationEssentials
import Hummingbird
import WireText

/// The limits of every route: first by the address, before anything is looked up, then by the credential.
package struct RouteLimits: Sendable {
    package let limits: RateLimits
    let limiter: RequestLimiter

    func admitAddress(_ context: AppContext, _ route: Route) throws {
        guard let limit = limits[route.limitedAs].address, let address = context.clientAddress else { return }
        let subscriber = IPAddress.subscriber(of: address)
        try limiter.admit("\(route.limitedAs.rawValue).address/\(subscriber)", limit: limit)
    }

    func admitCredential(_ request: Request, _ context: AppContext, _ route: Route) throws {
        guard let limit = context.caller.rateLimit ?? limits[route.limitedAs].credential,
            let credential = name(of: context.caller, request)
        else { return }
        // A key has one limit over all that it asks for; what is configured counts by class.
        let scope = context.caller.rateLimit == nil ? route.limitedAs.rawValue : "key"
        try limiter.admit("\(scope).credential/\(credential)", limit: limit)
    }

    /// nil where no credential was presented.
    private func name(of caller: Caller, _ request: Request) -> String? {
        switch caller {
        // Where the route itself checks it, the credential is what was presented, right or wrong.
        case .anyone:
            (try? TenantCredential(request)).map { "\($0.orgID.text)/\($0.token.bytes.prefix(8).hex)" }
        case .operator(let identity): identity.credentialID?.text ?? identity.name
        case .tenant(let identity): identity.orgID.text
        case .user(let identity): identity.id
        case .key(let credential): credential.id.text
        }
    }
}

extension Caller {
    /// Requests a minute, of a key that has its own limit.
    fileprivate var rateLimit: Int? {
        guard case .key(let credential) = self else { return nil }
        return credential.rateLimit
    }
}
