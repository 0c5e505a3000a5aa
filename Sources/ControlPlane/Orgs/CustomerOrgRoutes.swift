import FoundationEssentials
import Hummingbird

/// `/cp/orgs`: organisations as the customers see them who belong to them.
struct CustomerOrgRoutes: Sendable {
    let platform: Platform

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(OrgView(org: try context.org()))
    }

    func provisionStatus(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await ProvisionStatus(of: try context.org(), platform))
    }
}
