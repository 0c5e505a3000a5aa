import FoundationEssentials
import Hummingbird
import Postgres

/// Stands before every route: finds out who calls, and lets in whom the route's access names.
struct Gate: Sendable {
    let adminTokenHash: TokenHash
    let database: PostgresPool

    init(_ platform: Platform) {
        adminTokenHash = platform.configuration.adminTokenHash
        database = platform.database
    }

    /// - Throws: `unauthenticated` (401) for every way in which a credential can be wrong; `role_missing`
    ///   (403) when it is right and may not do this.
    func caller(of request: Request, to access: Access) async throws -> Caller {
        switch access {
        case .anyone, .instance: .anyone
        case .operators(let role): .operator(try operatorIdentity(request, atLeast: role))
        case .tenant: .tenant(try await tenantIdentity(request))
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
