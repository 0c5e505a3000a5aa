import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/orgs/:slug/tokens`: what an organisation's own programs present.
struct OrgTokenRoutes: Sendable {
    let platform: Platform

    /// Of one organisation, that are neither revoked nor expired.
    static let maximumTokens = 50
    /// What a token of one organisation has no use for.
    static let neverCarried: Set<Scope> = [.createOrgs]

    struct Creation: RequestFields {
        var name: String
        var scopes: [String]
        var expiresInDays: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name, scopes
            case expiresInDays = "expires_in_days"
        }
    }

    func issue(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.org()
        let body = try await RequestBody.read(Creation.self, from: request)
        let new = CredentialStore.New(
            name: try CredentialFields.name(body.name),
            scopes: try carried(try CredentialFields.scopes(body.scopes), context), orgID: org.id,
            expiresInDays: try expiry(try CredentialFields.expiry(body.expiresInDays), context),
            createdBy: context.origin.name)
        return try await CredentialIssuing(database: platform.database).issue(.org, new, context) {
            transaction in
            // One after the other, so that two at once are not both the last.
            _ = try await transaction.query("SELECT 1 AS one FROM orgs WHERE id = \(org.id) FOR UPDATE")
            let living = try await CredentialStore(database: transaction).countLiving(.org, org: org.id)
            guard living < Self.maximumTokens else {
                throw AppError(
                    .conflict, "too_many_tokens",
                    "An organisation has at most \(Self.maximumTokens) tokens. Revoke one first.")
            }
        }
    }

    /// Never more than the issuer may do.
    private func carried(_ wanted: Set<Scope>, _ context: AppContext) throws -> Set<Scope> {
        let allowed = context.caller.scopes.subtracting(Self.neverCarried)
        guard let missing = wanted.subtracting(allowed).map(\.rawValue).min() else { return wanted }
        throw AppError(
            .forbidden, "scope_missing",
            "A token carries no scope that its issuer lacks or that it has no use for: \"\(missing)\".",
            members: ["scope": missing])
    }

    /// A token that issues others does not outlive itself in them.
    private func expiry(_ days: Int?, _ context: AppContext) throws -> Int? {
        guard case .key(let issuer) = context.caller, let end = issuer.expiresAt else { return days }
        let left = Int(end.timeIntervalSinceNow / 86_400)
        guard let days, days <= left else {
            throw AppError.invalidField(
                "expires_in_days", "The issuing token expires: \"expires_in_days\" is at most \(left).")
        }
        return days
    }

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let tokens = try await CredentialStore(database: platform.database)
            .list(.org, org: try context.org().id, limit: CredentialFields.maximumListed)
        return try Response.json(["tokens": tokens.map { CredentialView(credential: $0) }])
    }

    func revoke(_ request: Request, _ context: AppContext) async throws -> Response {
        try await CredentialIssuing(database: platform.database).revoke(
            .org, context, org: try context.org().id)
    }
}

extension Caller {
    /// What the caller may do in the organisation that the path names.
    var scopes: Set<Scope> {
        switch self {
        case .user(let identity): identity.role?.scopes ?? []
        case .key(let credential): credential.scopes
        case .anyone, .operator, .tenant: []
        }
    }
}
