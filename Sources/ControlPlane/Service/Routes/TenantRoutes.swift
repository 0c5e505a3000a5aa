import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import Providers

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
            return try Response.json(["output": try await platform.fleet.ec2.getConsoleOutput(id: instanceID)]
            )
        } catch let error as ProviderError where error.isMissing {
            throw AppError(
                .notFound, "instance_not_found",
                "EC2 knows no instance \(instanceID). `cpctl drift` says what became of it.", cause: error)
        }
    }
}

extension TenantRoutes {
    func diagnostics(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        let tenant = try await TenantStore(database: platform.database).require(org: org.id)
        let resources = try await ResourceLedger(database: platform.database).remaining(org: org.id)
        return try Response.json(
            Diagnostics(
                org: OrgView(org: org), instanceID: tenant.instanceID, privateIP: tenant.privateIP,
                tunnelID: tenant.tunnelID, imageDigest: tenant.imageDigest, enrolledAt: tenant.enrolledAt,
                runningAt: tenant.runningAt,
                healthyThroughEdge: await platform.fleet.isHealthyThroughEdge(slug: org.slug, tenant.launch),
                resources: resources.map {
                    .init(kind: $0.kind.rawValue, intentID: $0.intentID, providerID: $0.providerID)
                },
                provisioning: try await ProvisionStatus(of: org, platform.fleet)))
    }
}
