import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// Credentials that are issued and revoked by name.
struct CredentialIssuing: Sendable {
    let database: PostgresPool

    /// A credential and its audit record in one commit.
    /// - Parameter check: runs in the transaction, before anything is written.
    /// - Returns: the answer to the request, which alone holds the token.
    func issue(
        _ kind: CredentialKind, _ new: CredentialStore.New, _ context: AppContext,
        check: @Sendable @escaping (Transaction) async throws -> Void = { _ in }
    ) async throws -> Response {
        let token = CredentialToken.random(kind)
        let origin = context.origin
        let credential = try await database.transaction { transaction in
            try await check(transaction)
            let credential = try await CredentialStore(database: transaction).insert(new, token)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "\(kind.auditName).issued", org: credential.orgID, subject: credential.id.text,
                    after: credential.audited), by: origin)
            return credential
        }
        context.logger.notice(
            "credential issued", metadata: ["kind": "\(kind.rawValue)", "prefix": "\(credential.prefix)"])
        return try Response.json(
            CredentialView(credential: credential, token: token.text), status: .created)
    }

    /// Safe to say twice.
    /// - Parameter org: whose token it must be; nil: any.
    /// - Throws: `credential_not_found` (404).
    func revoke(
        _ kind: CredentialKind, _ context: AppContext, org: UUID? = nil
    ) async throws -> Response {
        let id = try context.credentialID()
        let origin = context.origin
        try await database.transaction { transaction in
            let store = CredentialStore(database: transaction)
            guard let credential = try await store.revoke(id, kind, org: org) else {
                guard try await store.exists(id, kind, org: org) else { throw AppError.credentialNotFound }
                return
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "\(kind.auditName).revoked", org: credential.orgID, subject: id.text,
                    before: credential.audited), by: origin)
        }
        return Response(status: .noContent)
    }
}

extension CredentialKind {
    fileprivate var auditName: String {
        switch self {
        case .operator: "operator_token"
        case .partner: "partner_key"
        case .org: "org_token"
        }
    }
}

extension AppContext {
    /// The `:id` of the path.
    /// - Throws: `credential_not_found` (404), also for what is no id.
    func credentialID() throws -> UUID {
        guard let id = UUID(uuidString: try parameters.require("id")) else {
            throw AppError.credentialNotFound
        }
        return id
    }
}
