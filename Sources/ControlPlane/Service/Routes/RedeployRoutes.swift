import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import Workflows

/// `/cp/admin/tenants/:slug/redeploy` and what became of it.
struct RedeployRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }
    private var redeploys: Redeploys { Redeploys(fleet: platform.fleet) }

    struct Order: RequestFields {
        var targetTag: String?
        var digest: String?
        var service: String?
        var refresh: Bool?
        var drainSeconds: Int?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case digest, service, refresh
            case targetTag = "target_tag"
            case drainSeconds = "drain_seconds"
            case dryRun = "dry_run"
        }
    }

    func redeploy(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        let images = try ImageOrder(
            service: order.service, targetTag: order.targetTag, digest: order.digest, refresh: order.refresh)
        let drain = order.drainSeconds ?? Replacement.defaultDrainSeconds
        guard Replacement.drainLimits.contains(drain) else {
            throw AppError.invalidField("drain_seconds", "The field \"drain_seconds\" is 0 to 300.")
        }
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let tenant = try await redeploys.runningTenant(of: org)
        let meant = try await ReleaseStore(database: database).meantDigest(org: org.id)
        let image = try await images.resolve(platform.fleet, meant: meant)
        let replacement = redeploys.replacement(images.service, image, drainSeconds: drain)
        if order.dryRun == true {
            return try Response.json(try await RedeployPlan(platform.fleet, org, tenant, replacement))
        }
        return try Response.json(
            try await redeploys.start(org, tenant, replacement, tag: order.targetTag, by: context.origin),
            status: .accepted)
    }

    // MARK: Looking

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        guard let id = UUID(uuidString: try context.parameters.require("id")),
            let redeploy = try await RedeployStore(database: database).find(id, org: org)
        else { throw AppError(.notFound, "redeploy_not_found", "There is no such redeploy of \(org.slug).") }
        return try Response.json(redeploy)
    }

    static let historyLimits = 1...200
    static let defaultHistory = 20

    /// `GET .../redeploys?limit=`: the history of the tenant's images, newest first.
    func history(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let limit = try request.number("limit", in: Self.historyLimits) ?? Self.defaultHistory
        let list = try await RedeployStore(database: database).list(org: org, limit: limit)
        return try Response.json(["redeploys": list])
    }
}
