import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/partner-keys`
struct PartnerKeyRoutes: Sendable {
    let platform: Platform

    struct Creation: RequestFields {
        var name: String
        var partnerID: String
        var scopes: [String]
        var orgID: String?
        var expiresInDays: Int?
        var rateLimit: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name, scopes
            case partnerID = "partner_id"
            case orgID = "org_id"
            case expiresInDays = "expires_in_days"
            case rateLimit = "rate_limit"
        }
    }

    func issue(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Creation.self, from: request)
        let org = try body.orgID.map { text in
            guard let id = UUID(uuidString: text) else {
                throw AppError.invalidField("org_id", "The field \"org_id\" is an organisation's id or null.")
            }
            return id
        }
        let new = CredentialStore.New(
            name: try CredentialFields.name(body.name),
            scopes: try CredentialFields.scopes(body.scopes),
            partnerID: try CredentialFields.name(body.partnerID, field: "partner_id"), orgID: org,
            rateLimit: try CredentialFields.rateLimit(body.rateLimit),
            expiresInDays: try CredentialFields.expiry(body.expiresInDays), createdBy: context.origin.name)
        return try await CredentialIssuing(database: platform.database).issue(.partner, new, context) {
            transaction in
            guard let org else { return }
            let known = try await OrgStore(database: transaction).find(id: org)
            guard let known, known.status != .purged else { throw AppError.orgNotFound(org.text) }
        }
    }

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let keys = try await CredentialStore(database: platform.database)
            .list(.partner, limit: CredentialFields.maximumListed)
        return try Response.json(["partner_keys": keys.map { CredentialView(credential: $0) }])
    }

    func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        try await CredentialIssuing(database: platform.database).revoke(.partner, context)
    }
}
