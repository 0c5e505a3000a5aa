import AdminProtocol
import Billing
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import TenantProtocol

/// What a tenant may ask once it is enrolled, with its admin token.
struct TenantSideRoutes: Sendable {
    let platform: Platform

    func confirmEnrolment(_ request: Request, _ context: AppContext) async throws -> Response {
        try await Enrolment(fleet: platform.fleet).confirm(org: context.tenant().orgID)
        return Response(status: .noContent)
    }

    /// Limits of the answer, from the contract: bytes in all, and of each value.
    static let maximumBytes = 65_536
    static let maximumValueBytes = 4_096

    /// A flat object of strings, applied by the tenant at start and at every refresh.
    func config(_ request: Request, _ context: AppContext) async throws -> Response {
        let orgID = try context.tenant().orgID
        guard let org = try await OrgStore(database: platform.database).find(id: orgID) else {
            throw AppError.unauthenticated
        }
        var settings = [
            "MOLECULE_CP_SHARED_SECRET": platform.configuration.secrets.provisionSharedSecret,
            "MOLECULE_CP_URL": platform.configuration.launch.publicURL,
            "MOLECULE_ORG_ID": org.id.text,
            "MOLECULE_ORG_SLUG": org.slug,
            "MOLECULE_PLAN": org.plan,
            "MOLECULE_ORG_STATUS": org.status.rawValue,
            "MOLECULE_BILLING_STATUS": org.billingStatus.rawValue,
        ]
        let quotas = platform.configuration.billing.plans.effectiveQuotas(of: org)
        settings["MOLECULE_BILLING_GRACE_ENDS_AT"] = org.graceEndsAt?.formatted(.iso8601)
        settings["MOLECULE_SUSPENDED_REASON"] = org.suspension?.reason
        settings["MOLECULE_WORKSPACE_QUOTA"] = quotas.workspaces.map(String.init)
        settings["MOLECULE_LLM_TOKEN_QUOTA"] = quotas.llmTokens.map(String.init)
        let credits = try await CreditReading(
            database: platform.database, rules: platform.billing.creditRules
        )
        .account(of: orgID, in: Month(containing: Date())).position
        // A plan without credits leaves the models to the tenant's own keys.
        if let state = credits.state {
            settings["MOLECULE_LLM_CREDITS_STATE"] = state.rawValue
            settings["MOLECULE_LLM_CREDITS_REMAINING"] = "\(credits.remaining)"
        }
        return try Response.json(settings)
    }

    /// As `RegistryCredentials` says. The answer is for the instance alone: no cache keeps it.
    func registryCredentials(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let user = try await platform.fleet.registry.login.user() else {
            return Response(status: .noContent)
        }
        var response = try Response.json(
            RegistryCredentials(
                registry: platform.fleet.registry.host, username: user.username, password: user.password,
                expiresAt: user.expiresAt?.formatted(.iso8601)))
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
