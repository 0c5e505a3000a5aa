import FoundationEssentials
import Hummingbird
import Postgres
import Workflows

/// `/cp/admin/tenants/:slug/redeploy` and what became of it.
struct RedeployRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }

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
        let tenant = try await runningTenant(of: org)
        let meant = try await ReleaseStore(database: database).meantDigest(org: org.id)
        let image = try await images.resolve(platform, meant: meant)
        let replacement = platform.replacement(images.service, image, drainSeconds: drain)
        if order.dryRun == true {
            return try Response.json(try await RedeployPlan(platform, org, tenant, replacement))
        }
        return try Response.json(
            try await start(org, tenant, replacement, tag: order.targetTag, by: context.origin),
            status: .accepted)
    }

    /// - Throws: `not_running` (409).
    func runningTenant(of org: Org) async throws -> Tenant {
        guard org.status == .running else {
            throw AppError(
                .conflict, "not_running",
                "Only a running tenant can be redeployed; this one is \(org.status.rawValue).")
        }
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard tenant.instanceID != nil else {
            throw AppError(.conflict, "not_running", "The tenant has no instance.")
        }
        return tenant
    }

    /// - Parameter also: in the same transaction, once the tenant has no other redeploy.
    /// - Throws: `redeploy_in_progress` (409).
    func start(
        _ org: Org, _ tenant: Tenant, _ replacement: Replacement, tag: String?, isRotation: Bool = false,
        by origin: RequestOrigin,
        also: @Sendable @escaping (Transaction) async throws -> Void = { _ in }
    ) async throws -> Redeploy {
        let current = tenant.digest(of: replacement.service)
        let new = RedeployStore.New(
            id: UUID(), orgID: org.id, replacement: replacement, targetTag: tag,
            digest: replacement.digest ?? current ?? "", previousDigest: current)
        do {
            try await database.transaction { transaction in
                guard try await RedeployStore(database: transaction).insert(new) else { throw Taken() }
                try await also(transaction)
                try await platform.startRedeploy(new, org, tenant, isRotation: isRotation, in: transaction)
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "tenant.redeploy_begun", org: org.id, subject: org.slug,
                        before: ["digest": .text(current)],
                        after: [
                            "redeploy_id": .string(new.id.text), "digest": .string(new.digest),
                            "service": .string(replacement.service.rawValue), "target_tag": .text(tag),
                        ]),
                    by: origin)
            }
        } catch is Taken {
            throw try await inProgress(org)
        } catch is WorkflowConflict {
            throw try await inProgress(org)
        }
        return Redeploy(
            id: new.id, slug: org.slug, service: replacement.service, isRefresh: replacement.image == nil,
            phase: .sending, targetTag: tag, previousDigest: current, digest: new.digest)
    }

    private struct Taken: Error {}

    /// Names the one that stands in the way.
    private func inProgress(_ org: Org) async throws -> AppError {
        let live = try await RedeployStore(database: database).live(org: org.id)
        if live == nil, try await ResizeStore(database: database).live(org: org.id)?.phase == .changing {
            return .resizeInProgress
        }
        var members = ["redeploy_id": live?.id.text ?? ""]
        members["rollout_id"] = live?.rollout?.text
        return AppError(
            .conflict, "redeploy_in_progress", "Another redeploy of this tenant is under way.",
            members: members)
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

extension Platform {
    func replacement(
        _ service: StackService, _ image: ImageReference?, drainSeconds: Int
    ) -> Replacement {
        Replacement(
            service: service, image: image?.pinned, healthSeconds: healthSeconds,
            drainSeconds: drainSeconds)
    }

    fileprivate func startRedeploy(
        _ new: RedeployStore.New, _ org: Org, _ tenant: Tenant, isRotation: Bool, in transaction: Transaction
    ) async throws {
        let target = GroupRedeploy.Target(
            redeployID: new.id, orgID: org.id, slug: org.slug, instanceID: tenant.instanceID ?? "")
        _ = try await engine.start(
            RedeployTenant.kind, subject: org.id.text,
            input: RedeployTenant.Input(
                target: target, replacement: new.replacement, isRotation: isRotation ? true : nil),
            in: transaction)
    }
}
