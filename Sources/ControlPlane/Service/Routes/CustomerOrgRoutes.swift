import AdminProtocol
import Billing
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/orgs`: organisations as the customers see them who belong to them.
struct CustomerOrgRoutes: Sendable {
    let platform: Platform

    struct Creation: RequestFields {
        var slug: String
        var name: String
        var plan: String?

        enum CodingKeys: String, CodingKey, CaseIterable { case slug, name, plan }
    }

    /// Provisioning starts at once, or once a plan that costs something is paid for.
    func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Creation.self, from: request)
        let slug = try Slug.forNewOrg(body.slug)
        let name = try OrgRoutes.bounded(body.name, "name", OrgRoutes.maximumNameLength)
        var signUp = try await signUp(slug, name, context)
        signUp.plan = try plan(body.plan ?? OrgPlan.free.name)
        let org = try await SignUps(billing: platform.billing).begin(signUp, by: context.origin) {
            transaction in
            try await requireRoom(context, transaction)
        }
        context.logger.info("org created", metadata: ["org": "\(org.id.text)", "slug": "\(slug)"])
        return try Response.json(OrgView(org: org), status: .created)
    }

    /// A person becomes its owner, within what a person may have. A partner has agreed to terms of its own;
    /// what its key makes belongs to the partner, and each of the partner's keys reaches it.
    private func signUp(_ slug: Slug, _ name: String, _ context: AppContext) async throws -> SignUp {
        if case .key(let key) = context.caller {
            guard let partner = key.partnerID, key.orgID == nil else {
                throw AppError(
                    .forbidden, "key_of_one_org", "This key is for one organisation, and creates no others.")
            }
            return SignUp(slug: slug, name: name, ownerUserID: "partner:\(partner)", partnerID: partner)
        }
        let founder = try context.user()
        try await TermsStore(database: platform.database).require(
            platform.configuration.terms, acceptedBy: founder.id)
        return SignUp(slug: slug, name: name, ownerUserID: founder.id)
    }

    /// A person signs up by themselves, and so within what one person may have.
    /// - Throws: `too_many_orgs` (409), `signup_limit` (429).
    private func requireRoom(_ context: AppContext, _ transaction: Transaction) async throws {
        guard case .user(let founder) = context.caller else { return }
        try await MembershipStore(database: transaction).requireRoom(owner: founder.id)
        try await SignupLimits(limits: platform.configuration.traffic.limits, database: transaction)
            .take(user: founder.id, address: context.clientAddress)
    }

    /// A plan that costs something is not given away: as long as nothing can be paid here, it is refused.
    private func plan(_ name: String) throws -> OrgPlan {
        let plan = try platform.configuration.billing.plans.offered(name)
        guard plan.isFree || platform.billing.stripe != nil else {
            throw AppError(
                .unprocessable, "billing_not_configured",
                "The plan \"\(plan.name)\" costs money, and this platform takes none. Choose "
                    + "\"\(OrgPlan.free.name)\".")
        }
        return plan
    }

    /// Those that the user belongs to, or that the key reaches.
    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        if case .key(let key) = context.caller {
            let orgs = try await OrgStore(database: platform.database).list(reachedBy: key)
            return try Response.json(["orgs": try await CustomerOrgView.all(orgs.map { ($0, nil) }, platform)]
            )
        }
        let user = try context.user()
        let orgs = try await OrgStore(database: platform.database).list(member: user.id)
        return try Response.json(["orgs": try await CustomerOrgView.all(orgs.map { ($0, $1) }, platform)])
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.org()
        guard let view = try await CustomerOrgView.all([(org, context.role)], platform).first else {
            throw AppError.orgNotFound(org.slug)
        }
        return try Response.json(view)
    }

    private struct Instance: Encodable {
        var slug: String
        var status: Org.Status
        var ip: String?
        var region: String

        enum CodingKeys: CodingKey { case slug, status, ip, region }

        /// `ip` is there, null where it is not known.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(slug, forKey: .slug)
            try container.encode(status, forKey: .status)
            try container.encode(ip, forKey: .ip)
            try container.encode(region, forKey: .region)
        }
    }

    /// `GET /cp/orgs/:slug/instance`: public, for whoever routes to tenants. The address is the private one:
    /// from outside a tenant is reached through its tunnel alone.
    func instance(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        let tenant = try await TenantStore(database: platform.database).find(org: org.id)
        return try Response.json(
            Instance(
                slug: org.slug, status: org.status, ip: tenant?.privateIP,
                region: platform.configuration.aws.region))
    }

    func provisionStatus(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await ProvisionStatus(of: try context.org(), platform.fleet))
    }
}

extension AppContext {
    /// The user's in the organisation that the path names; nil for a caller who is no person.
    var role: OrgRole? { if case .user(let user) = caller { user.role } else { nil } }
}
