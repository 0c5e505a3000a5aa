import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import ServiceLifecycle

/// Deleting an organisation's tenant, and bringing one back as long as its plan keeps it.
struct DeleteRoutes: Sendable {
    let platform: Platform

    /// How long the request waits for the end of the teardown; clients wait 30 s.
    static let patience: Duration = .seconds(25)

    struct Order: RequestFields {
        var confirm: String
        /// Keeps nothing, whatever the plan says.
        var erase: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable { case confirm, erase }
    }

    struct Confirmation: RequestFields {
        var confirm: String

        enum CodingKeys: String, CodingKey, CaseIterable { case confirm }
    }

    private struct Answer: Encodable {
        var slug: String
        var status: Org.Status
        var restorableUntil: Date?

        enum CodingKeys: String, CodingKey {
            case slug, status
            case restorableUntil = "restorable_until"
        }
    }

    private var orgs: OrgStore { OrgStore(database: platform.database) }

    /// `DELETE /cp/admin/tenants/:slug`: keeps what the plan keeps, unless it is told to erase.
    func delete(_ request: Request, _ context: AppContext) async throws -> Response {
        let slug = try context.slug()
        let body = try await RequestBody.read(Order.self, from: request)
        try confirm(body.confirm, slug)
        let isErasure = body.erase == true
        guard let org = try await orgs.find(slug: slug) else {
            return try await answerForGone(slug, isErasure: isErasure, context)
        }
        return try await delete(org, context, isErasure: isErasure)
    }

    /// `DELETE /cp/orgs/:slug`, by who belongs to it: keeps nothing, and ends the retention of what was kept.
    func erase(_ request: Request, _ context: AppContext) async throws -> Response {
        let slug = try context.slug()
        let body = try await RequestBody.read(Confirmation.self, from: request)
        try confirm(body.confirm, slug)
        guard let org = context.foundOrg else { throw AppError.orgNotFound(slug.text) }
        guard org.status != .purged else { return try await erase(retained: org, context) }
        return try await delete(org, context, isErasure: true)
    }

    private func confirm(_ text: String, _ slug: Slug) throws {
        guard text == slug.text else {
            throw AppError.invalidField("confirm", "To delete the tenant, \"confirm\" must be \"\(slug)\".")
        }
    }

    private func delete(_ org: Org, _ context: AppContext, isErasure: Bool) async throws -> Response {
        try await Teardowns(fleet: platform.fleet).beginDelete(org, isErasure: isErasure, by: context.origin)
        context.logger.notice("delete begun", metadata: ["org": "\(org.id.text)", "slug": "\(org.slug)"])
        let ended = try await awaitPurge(org)
        // A teardown that was under way already keeps what the plan keeps.
        if isErasure, ended.retainedUntil != nil { return try await erase(retained: ended, context) }
        return try answer(ended)
    }

    private func erase(retained org: Org, _ context: AppContext) async throws -> Response {
        try await Teardowns(fleet: platform.fleet).eraseRetained(org, by: context.origin)
        return try answer(try await awaitPurge(org, wholly: true))
    }

    private func answerForGone(
        _ slug: Slug, isErasure: Bool, _ context: AppContext
    ) async throws -> Response {
        if let retained = try await orgs.findRetained(slug: slug) {
            return isErasure ? try await erase(retained: retained, context) : try answer(retained)
        }
        guard try await orgs.wasPurged(slug: slug) else { throw AppError.orgNotFound(slug.text) }
        return try Response.json(Answer(slug: slug.text, status: .purged))
    }

    private func answer(_ org: Org) throws -> Response {
        try Response.json(Answer(slug: org.slug, status: org.status, restorableUntil: org.retainedUntil))
    }

    /// - Parameter wholly: also waits for the end of a retention.
    private func awaitPurge(_ org: Org, wholly: Bool = false) async throws -> Org {
        let deadline = ContinuousClock.now + Self.patience
        var latest = org
        while ContinuousClock.now < deadline, !Task.isShuttingDownGracefully {
            latest = try await orgs.find(id: org.id) ?? latest
            if latest.status == .purged, !wholly || latest.retainedUntil == nil { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        return latest
    }

    /// `POST /cp/admin/orgs/:slug/restore`: a new instance on the kept volume.
    func restore(_ request: Request, _ context: AppContext) async throws -> Response {
        let slug = try context.slug()
        guard let org = try await orgs.findRetained(slug: slug) else {
            guard try await orgs.find(slug: slug) == nil else {
                throw AppError(.conflict, "not_deleted", "The organisation \"\(slug)\" is not deleted.")
            }
            guard try await orgs.wasPurged(slug: slug) else { throw AppError.orgNotFound(slug.text) }
            throw AppError(.gone, "purged", "Nothing is kept of \"\(slug)\" any more.")
        }
        return try Response.json(
            OrgView(
                org: try await Launches(fleet: platform.fleet).provisionAgain(
                    org, as: "org.restored", by: context.origin)),
            status: .accepted)
    }
}
