import FoundationEssentials

/// Who a request comes from, as its credential proved.
enum Caller: Sendable {
    /// No credential was asked for, or the route checks it itself.
    case anyone
    case `operator`(OperatorIdentity)
    case tenant(TenantIdentity)
}

/// An operator, by the token that was presented.
struct OperatorIdentity: Sendable {
    /// As the audit log names it; `environment` for the token of the environment.
    var name: String
    var role: OperatorRole
}

/// The tenant that a request comes from, by its admin token.
struct TenantIdentity: Sendable {
    var orgID: UUID
}

extension AppContext {
    /// - Throws: `unauthenticated` (401) where the route's access lets others in.
    func tenant() throws -> TenantIdentity {
        guard case .tenant(let identity) = caller else { throw AppError.unauthenticated }
        return identity
    }
}
