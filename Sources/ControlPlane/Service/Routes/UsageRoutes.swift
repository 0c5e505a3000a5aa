import Billing
import FoundationEssentials
import Hummingbird
import TenantProtocol

/// What tenants send of their use of models.
struct UsageRoutes: Sendable {
    let platform: Platform

    /// `POST /cp/llm-usage-events`, as `UsageBatch` says.
    func report(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.tenant().orgID
        let body = try await GzipBody.read(request, limit: UsageBatch.maximumBytes)
        return try Response.json(
            try await UsageIngestion(database: platform.database, prices: platform.billing.modelPrices)
                .ingest(body, org: org))
    }
}
