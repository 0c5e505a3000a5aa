import AdminProtocol
import Digests
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import TenantProtocol

/// `/cp/admin/tenants/:slug/rotate-credentials`, and what tenants ask while another token follows theirs.
struct RotationRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }

    /// Issues the token that is to follow, and sends the instance for it. While one follows already, the same
    /// is sent for again.
    func rotate(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let redeploys = Redeploys(fleet: platform.fleet)
        let tenant = try await redeploys.runningTenant(of: org)
        var secrets = try await platform.fleet.openSecrets(of: tenant)
        secrets.adminToken = TenantSecrets.newAdminToken()
        let next = (
            hash: TokenHash(of: secrets.adminToken), sealed: try await platform.fleet.secrets.seal(secrets)
        )
        let refresh = redeploys.replacement(.tenant, nil, drainSeconds: Replacement.defaultDrainSeconds)
        let origin = context.origin
        let redeploy = try await redeploys.start(
            org, tenant, refresh, tag: nil, isRotation: true, by: origin
        ) {
            transaction in
            let isNew = try await TenantTokenStore(database: transaction)
                .propose(org: org.id, token: next.hash, sealed: next.sealed)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: isNew
                        ? "tenant_credentials.rotation_begun" : "tenant_credentials.rotation_resumed",
                    org: org.id, subject: org.slug), by: origin)
        }
        return try Response.json(redeploy, status: .accepted)
    }

    private struct View: Encodable {
        var slug: String
        var rotation: RotationState
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        guard let state = try await TenantTokenStore(database: database).state(org: org.id) else {
            throw AppError(.conflict, "tenant_gone", "The tenant has been torn down.")
        }
        return try Response.json(View(slug: org.slug, rotation: state))
    }

    // MARK: The tenant's side

    /// As `NextCredentials` says.
    func next(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.tenant().orgID
        guard let sealed = try await TenantTokenStore(database: database).nextSealed(org: org) else {
            return Response(status: .noContent)
        }
        let secrets = try await platform.fleet.secrets.open(TenantSecrets.self, sealed)
        return try Response.json(NextCredentials(adminToken: secrets.adminToken))
    }

    /// - Throws: `not_the_next` (409) for the token that is to end.
    func confirm(_ request: Request, _ context: AppContext) async throws -> Response {
        let credential = try TenantCredential(request)
        let origin = context.origin
        try await database.transaction { transaction in
            let tokens = TenantTokenStore(database: transaction)
            guard try await tokens.promote(org: credential.orgID, token: credential.token) else {
                guard try await tokens.nextSealed(org: credential.orgID) == nil else {
                    throw AppError(
                        .conflict, "not_the_next", "Another token is to follow this one: confirm with that.")
                }
                return
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "tenant_credentials.rotated", org: credential.orgID,
                    subject: credential.orgID.text), by: origin)
            try await platform.engine.wake(subject: credential.orgID.text, in: transaction)
        }
        return Response(status: .noContent)
    }
}
