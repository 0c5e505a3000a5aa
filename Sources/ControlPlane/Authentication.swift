import FoundationEssentials
import HTTPTypes
import Hummingbird
import Postgres

/// The tenant that a request comes from, by its admin token.
struct TenantIdentity: Sendable {
    var orgID: UUID
}

/// `Authorization: Bearer <token>`
enum BearerToken {
    /// Longest token that is looked at, in characters.
    static let maximumLength = 512

    static func hash(in request: Request) throws -> TokenHash { TokenHash(of: try text(in: request)) }

    static func text(in request: Request) throws -> String {
        guard let header = request.headers[.authorization], header.hasPrefix("Bearer "),
            (8...(maximumLength + 7)).contains(header.utf8.count)
        else { throw AppError.unauthenticated }
        return String(header.dropFirst(7))
    }
}

extension HTTPField.Name {
    static let moleculeOrgID = HTTPField.Name("X-Molecule-Org-Id")!
}

/// `/cp/admin/*`: operators and CI.
struct OperatorAuthentication: RouterMiddleware {
    let adminTokenHash: TokenHash

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        guard try BearerToken.hash(in: request).matches(adminTokenHash) else {
            throw AppError.unauthenticated
        }
        return try await next(request, context)
    }
}

/// The credential of an instance: its token and the organisation that it says it is.
struct TenantCredential: Sendable {
    var orgID: UUID
    var token: TokenHash
}

extension TenantCredential {
    init(_ request: Request) throws {
        guard let text = request.headers[.moleculeOrgID], let orgID = UUID(uuidString: text) else {
            throw AppError.unauthenticated
        }
        self.init(orgID: orgID, token: try BearerToken.hash(in: request))
    }
}

/// `/cp/tenants/*` after enrolment: the admin token of the organisation that the request names.
struct TenantAuthentication: RouterMiddleware {
    let database: PostgresPool

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        let credential = try TenantCredential(request)
        let rows = try await database.query(
            """
            SELECT 1 AS one FROM tenants
            WHERE org_id = \(credential.orgID) AND admin_token_hash = \(credential.token.bytes)
            """)
        guard !rows.isEmpty else { throw AppError.unauthenticated }
        var context = context
        context.tenant = TenantIdentity(orgID: credential.orgID)
        return try await next(request, context)
    }
}
