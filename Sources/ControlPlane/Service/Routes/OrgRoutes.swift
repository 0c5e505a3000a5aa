import AdminProtocol
import Billing
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import Workflows

/// `/cp/admin/orgs`
struct OrgRoutes: Sendable {
    let platform: Platform

    static let maximumNameLength = 200
    static let maximumOwnerLength = UserStore.maximumSubjectLength
    static let listLimits = 1...1_000
    static let defaultListLimit = 100

    struct Creation: RequestFields {
        var slug: String
        var name: String
        var ownerUserID: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case slug, name
            case ownerUserID = "owner_user_id"
        }
    }

    func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Creation.self, from: request)
        let slug = try Slug.forNewOrg(body.slug)
        let name = try Self.bounded(body.name, "name", Self.maximumNameLength)
        let owner = try Self.bounded(body.ownerUserID, "owner_user_id", Self.maximumOwnerLength)
        let org = try await SignUps(billing: platform.billing).begin(
            SignUp(slug: slug, name: name, ownerUserID: owner), by: context.origin)
        context.logger.info("org created", metadata: ["org": "\(org.id.text)", "slug": "\(slug)"])
        return try Response.json(OrgView(org: org), status: .created)
    }

    static func bounded(_ text: String, _ field: String, _ maximum: Int) throws -> String {
        guard !text.isEmpty, text.count <= maximum, !text.unicodeScalars.contains(where: { $0.value < 32 })
        else {
            throw AppError.invalidField(
                field, "The field \"\(field)\" has 1 to \(maximum) characters and no control characters.")
        }
        return text
    }

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultListLimit
        let offset = try request.number("offset", in: 0...1_000_000) ?? 0
        let orgs = try await OrgStore(database: platform.database).list(limit: limit, offset: offset)
        return try Response.json(["orgs": orgs.map(OrgView.init)])
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(OrgView(org: try await org(context)))
    }

    func adminToken(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        let tenant = try await TenantStore(database: platform.database).require(org: org.id)
        guard tenant.confirmedAt != nil, [.running, .provisioning, .suspended].contains(org.status) else {
            throw AppError(
                .conflict, "not_provisioned", "The tenant is not provisioned (it is \(org.status.rawValue)).")
        }
        let secrets = try await platform.fleet.openSecrets(of: tenant)
        try await AuditLog(database: platform.database).record(
            AuditEvent(action: "tenant.admin_token_shown", org: org.id, subject: org.slug),
            by: context.origin)
        context.logger.notice("admin token shown", metadata: ["org": "\(org.id.text)"])
        return try Response.json(["admin_token": secrets.adminToken])
    }

    struct Canary: RequestFields {
        var isCanary: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case isCanary = "is_canary"
        }
    }

    func setCanary(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Canary.self, from: request)
        let org = try await org(context)
        let tenant = try await TenantStore(database: platform.database).find(org: org.id)
        guard org.status == .provisioning, tenant?.instanceID == nil else {
            throw AppError(
                .conflict, "already_provisioned", "An organisation becomes a canary before it is provisioned."
            )
        }
        try await platform.database.transaction { transaction in
            try await OrgStore(database: transaction).setCanary(id: org.id, body.isCanary)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.canary_set", org: org.id, subject: org.slug,
                    before: ["is_canary": .bool(org.isCanary)], after: ["is_canary": .bool(body.isCanary)]),
                by: context.origin)
        }
        return try Response.json(OrgView(org: try await self.org(context)))
    }

    private func org(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }
}

extension AppContext {
    /// The `:slug` of the path.
    package func slug() throws -> Slug { try Slug(parameters.require("slug")) }

    /// nil where the path has none.
    func pathSlug() throws -> Slug? { try parameters.get("slug").map(Slug.init) }
}
