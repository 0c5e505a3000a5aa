import FoundationEssentials
import Hummingbird
import Postgres

/// `/cp/admin/tenants`
struct TenantRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }

    func console(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard let instanceID = tenant.instanceID, org.status != .failed else {
            return try Response.json(["output": tenant.consoleTail ?? ""])
        }
        do {
            return try Response.json(["output": try await platform.ec2.getConsoleOutput(id: instanceID)])
        } catch let error as ProviderError where error.isMissing {
            throw AppError(
                .notFound, "instance_not_found",
                "EC2 knows no instance \(instanceID). `cpctl drift` says what became of it.", cause: error)
        }
    }
}
