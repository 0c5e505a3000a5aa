import FoundationEssentials
import Hummingbird
import Postgres
import ServiceLifecycle
import Workflows

/// `/cp/admin/tenants`
struct TenantRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }

    // MARK: Redeploy

    private struct RedeployOrder: RequestFields {
        var targetTag: String?
        var digest: String?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case digest
            case targetTag = "target_tag"
            case dryRun = "dry_run"
        }
    }

    func redeploy(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(RedeployOrder.self, from: request)
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let tenant = try await runningTenant(of: org)
        let image = try await resolve(order, tenant)
        let id = UUID()
        let digest = image.digest ?? ""
        if order.dryRun != true { try await start(id, org, tenant, image, tag: order.targetTag) }
        let view = Redeploy(
            id: id, slug: org.slug, phase: .sending, targetTag: order.targetTag,
            previousDigest: tenant.imageDigest, digest: digest)
        guard order.dryRun == true else { return try Response.json(view, status: .accepted) }
        return try Response.json(
            RedeployPlan(
                slug: org.slug, previousDigest: tenant.imageDigest, digest: digest,
                wouldChange: digest != tenant.imageDigest))
    }

    private struct RedeployPlan: Encodable {
        var slug: String
        var previousDigest: String?
        var digest: String
        var wouldChange: Bool
        var dryRun = true

        enum CodingKeys: String, CodingKey {
            case slug, digest
            case previousDigest = "previous_digest"
            case wouldChange = "would_change"
            case dryRun = "dry_run"
        }
    }

    private func runningTenant(of org: Org) async throws -> Tenant {
        guard org.status == .running else {
            throw AppError(
                .conflict, "not_running",
                "Only a running tenant can be redeployed; this one is \(org.status.rawValue).")
        }
        return try await TenantStore(database: database).require(org: org.id)
    }

    /// The order names exactly one image, which the registry must have.
    private func resolve(_ order: RedeployOrder, _ tenant: Tenant) async throws -> ImageReference {
        var image = ImageReference(platform.configuration.launch.images.tenant)
        switch (order.targetTag, order.digest) {
        case (let tag?, nil):
            guard ImageReference.isTag(tag) else {
                throw AppError.invalidField("target_tag", "The field \"target_tag\" is not an image tag.")
            }
            (image.tag, image.digest) = (tag, nil)
        case (nil, let digest?):
            guard ImageReference.isDigest(digest) else {
                throw AppError.invalidField("digest", "A digest is \"sha256:\" and 64 hexadecimal digits.")
            }
            (image.tag, image.digest) = (nil, digest)
        default:
            throw AppError(.invalid, "invalid_image", "Give exactly one of \"target_tag\" and \"digest\".")
        }
        return ImageReference(try await platform.registry.resolve(image.pinned))
    }

    private func start(
        _ id: UUID, _ org: Org, _ tenant: Tenant, _ image: ImageReference, tag: String?
    ) async throws {
        guard let instanceID = tenant.instanceID else {
            throw AppError(.conflict, "not_running", "The tenant has no instance.")
        }
        do {
            try await database.transaction { transaction in
                try await RedeployStore(database: transaction).insert(
                    id: id, org: org.id, targetTag: tag, digest: image.digest ?? "",
                    previousDigest: tenant.imageDigest)
                _ = try await platform.engine.start(
                    RedeployTenant.kind, subject: org.id.text,
                    input: RedeployTenant.Input(
                        redeployID: id, orgID: org.id, slug: org.slug, instanceID: instanceID,
                        image: image.pinned),
                    in: transaction)
            }
        } catch is WorkflowConflict {
            let live = try await RedeployStore(database: database).live(org: org.id)
            throw AppError(
                .conflict, "redeploy_in_progress", "Another redeploy of this tenant is under way.",
                members: ["redeploy_id": live?.text ?? ""])
        }
    }

    func showRedeploy(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        guard let id = UUID(uuidString: try context.parameters.require("id")),
            let redeploy = try await RedeployStore(database: database).find(id, org: org)
        else { throw AppError(.notFound, "redeploy_not_found", "There is no such redeploy of \(org.slug).") }
        return try Response.json(redeploy)
    }

    // MARK: Looking at a tenant

    func console(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard let instanceID = tenant.instanceID, org.status != .failed else {
            return try Response.json(["output": tenant.consoleTail ?? ""])
        }
        return try Response.json(["output": try await platform.ec2.getConsoleOutput(id: instanceID)])
    }
}
