import AdminProtocol
import Digests
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// Stands before every route: finds out who calls, and lets in whom the route's access names.
package struct Gate: Sendable {
    let adminTokenHash: TokenHash
    package let database: PostgresPool
    private let customers: CustomerGate
    private let breakGlass: BreakGlassAlarm

    package init(_ platform: Platform) {
        adminTokenHash = platform.configuration.adminTokenHash
        database = platform.database
        customers = CustomerGate(platform)
        breakGlass = platform.breakGlass
    }

    /// - Throws: `unauthenticated` (401) for every way in which a credential can be wrong, but
    ///   `api_key_expired` for one that was right until it expired; `role_missing`,
    ///   `scope_missing` or `cross_site` (403) when it is right and may not do this; `org_not_found` (404)
    ///   for an organisation that the caller may not see.
    func admit(_ request: Request, to access: Access, _ context: AppContext) async throws -> Admission {
        switch access {
        case .anyone, .instance, .stripe: Admission(.anyone)
        case .operators(let role):
            Admission(.operator(try await operatorIdentity(request, atLeast: role, context)))
        case .tenant:
            Admission(
                .tenant(
                    try await TenantTokenStore(database: database).prove(try TenantCredential(request))))
        case .user: Admission(.user(try await customers.user(of: request)))
        case .customers(let scope):
            try await customers.admit(request, for: scope, slug: context.pathSlug())
        case .customersOfBody: Admission(try await customers.identify(request))
        }
    }

    private func operatorIdentity(
        _ request: Request, atLeast role: OperatorRole, _ context: AppContext
    ) async throws -> OperatorIdentity {
        let identity = try await operatorIdentity(try BearerToken.text(in: request), context)
        guard identity.role >= role else {
            throw AppError(
                .forbidden, "role_missing", "This needs an operator with the role \"\(role.rawValue)\".",
                members: ["role": role.rawValue])
        }
        return identity
    }

    /// A named operator's token, or the environment's.
    private func operatorIdentity(_ token: String, _ context: AppContext) async throws -> OperatorIdentity {
        guard TokenHash(of: token).matches(adminTokenHash) else {
            let credential = try await CredentialStore(database: database).prove(token, [.operator])
            guard let role = credential.role else { throw AppError.unauthenticated }
            return OperatorIdentity(name: credential.label, role: role, credentialID: credential.id)
        }
        let identity = OperatorIdentity(name: OperatorIdentity.environment, role: .admin)
        var context = context
        context.caller = .operator(identity)
        await breakGlass.used(by: context.origin)
        return identity
    }
}

extension OperatorIdentity {
    /// Name of whoever presents the token of the environment.
    static let environment = "environment"
}
