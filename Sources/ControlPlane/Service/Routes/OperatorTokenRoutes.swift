import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/operator-tokens`: who operates, by name, with a role and an end.
struct OperatorTokenRoutes: Sendable {
    let platform: Platform

    struct Creation: RequestFields {
        var name: String
        var role: String
        var expiresInDays: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name, role
            case expiresInDays = "expires_in_days"
        }
    }

    func issue(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Creation.self, from: request)
        guard let role = OperatorRole(rawValue: body.role) else {
            throw AppError.invalidField("role", "The field \"role\" is read, operate or admin.")
        }
        let new = CredentialStore.New(
            name: try CredentialFields.name(body.name), role: role,
            expiresInDays: try CredentialFields.expiry(body.expiresInDays), createdBy: context.origin.name)
        return try await CredentialIssuing(database: platform.database).issue(.operator, new, context)
    }

    private struct List: Encodable {
        var operatorTokens: [CredentialView]
        var environmentToken: BreakGlass

        enum CodingKeys: String, CodingKey {
            case operatorTokens = "operator_tokens"
            case environmentToken = "environment_token"
        }
    }

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let tokens = try await CredentialStore(database: platform.database)
            .list(.operator, limit: CredentialFields.maximumListed)
        return try Response.json(
            List(
                operatorTokens: tokens.map { CredentialView(credential: $0) },
                environmentToken: try await BreakGlassStore(database: platform.database).read()))
    }

    func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        try await CredentialIssuing(database: platform.database).revoke(.operator, context)
    }
}
