import FoundationEssentials
import Hummingbird
import Postgres

/// Stands before every route: finds out who calls, and lets in whom the route's access names.
struct Gate: Sendable {
    let adminTokenHash: TokenHash
    let database: PostgresPool
    private let customers: CustomerGate

    init(_ platform: Platform) {
        adminTokenHash = platform.configuration.adminTokenHash
        database = platform.database
        customers = CustomerGate(platform)
    }

    /// - Throws: `unauthenticated` (401) for every way in which a credential can be wrong; `role_missing`,
    ///   `scope_missing` or `cross_site` (403) when it is right and may not do this; `org_not_found` (404)
    ///   for an organisation that the caller may not see.
    func admit(_ request: Request, to access: Access, _ context: AppContext) async throws -> Admission {
        switch access {
        case .anyone, .instance: Admission(.anyone)
        case .operators(let role): Admission(.operator(try operatorIdentity(request, atLeast: role)))
        case .tenant: Admission(.tenant(try await tenantIdentity(request)))
        case .user: Admission(.user(try await customers.user(of: request)))
        case .customers(let scope):
            try await customers.admit(request, for: scope, slug: context.pathSlug())
        }
    }

    private func operatorIdentity(_ request: Request, atLeast role: OperatorRole) throws -> OperatorIdentity {
        guard try BearerToken.hash(in: request).matches(adminTokenHash) else {
            throw AppError.unauthenticated
        }
        let identity = OperatorIdentity(name: "environment", role: .admin)
        guard identity.role >= role else {
            throw AppError(
                .forbidden, "role_missing", "This needs an operator with the role \"\(role.rawValue)\".",
                members: ["role": role.rawValue])
        }
        return identity
    }

    /// The admin token of the organisation that the request names.
    private func tenantIdentity(_ request: Request) async throws -> TenantIdentity {
        let credential = try TenantCredential(request)
        let rows = try await database.query(
            """
            SELECT 1 AS one FROM tenants
            WHERE org_id = \(credential.orgID) AND admin_token_hash = \(credential.token.bytes)
            """)
        guard !rows.isEmpty else { throw AppError.unauthenticated }
        return TenantIdentity(orgID: credential.orgID)
    }
}
