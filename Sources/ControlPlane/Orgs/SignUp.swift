import Arithmetic
import FoundationEssentials
import Postgres

/// What a new organisation begins with.
struct SignUp: Sendable {
    var orgID = UUID()
    var launchID = UUID()
    var slug: Slug
    var name: String
    var ownerUserID: String
    /// Whose key creates it.
    var partnerID: String?
    var plan = OrgPlan.free
    /// Where a person asks from who signs up by themselves.
    var address: String?
    /// A person signs up by themselves, and so within what one person may have.
    var isByCustomer = false

    /// Living organisations that one person may own, before an operator creates more for them.
    static let maximumOwned = 10
}

extension Platform {
    /// The organisation, its first owner, its tenant row with its place, and its provisioning begin in one
    /// commit; on a plan that costs something, all but the tenant and its provisioning.
    /// - Throws: `slug_taken` or `too_many_orgs` (409); `no_capacity` (503) when a quota is used up.
    func signUp(_ signUp: SignUp, by origin: RequestOrigin) async throws -> Org {
        let (org, waiting) = try await database.transaction { transaction -> (Org, Int?) in
            if signUp.isByCustomer {
                try await MembershipStore(database: transaction).requireRoom(owner: signUp.ownerUserID)
                try await SignupLimits(limits: configuration.traffic.limits, database: transaction)
                    .take(user: signUp.ownerUserID, address: signUp.address)
            }
            let org = try await OrgStore(database: transaction).insert(
                id: signUp.orgID, slug: signUp.slug, name: signUp.name, ownerUserID: signUp.ownerUserID,
                partnerID: signUp.partnerID, plan: signUp.plan)
            try await MembershipStore(database: transaction).addFounder(
                org: org.id, user: signUp.ownerUserID)
            let waiting: Int?
            if org.status == .awaitingPayment {
                try await BillingStore(database: transaction).open(
                    org: org.id, lookingAfter: configuration.billing.awaitingPayment)
                waiting = nil
            } else {
                waiting = try await beginFirstLaunch(org, launchID: signUp.launchID, in: transaction)
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.created", org: org.id, subject: org.slug,
                    after: ["owner_user_id": .string(signUp.ownerUserID), "plan": .string(org.plan)]),
                by: origin)
            return (org, waiting)
        }
        guard let waiting else { return org }
        var answer = org
        answer.estimatedReadyAt = try await Estimate(platform: self).readyAt(waiting: waiting)
        return answer
    }

    /// A place, the tenant's row, and its provisioning.
    /// - Returns: tenants that wait for their launch before it.
    /// - Throws: `no_capacity` (503), before anything is written.
    func beginFirstLaunch(_ org: Org, launchID: UUID, in transaction: Transaction) async throws -> Int {
        let (placement, use) = try await Placements(configuration: configuration)
            .choose(instanceType(of: org.plan), in: transaction)
        try await TenantStore(database: transaction).insert(org: org.id, launchID: launchID, placement)
        try await startProvisioning(
            org, launchID: launchID, after: turn(waiting: use.waiting), in: transaction)
        return use.waiting
    }

    /// What a tenant on the plan is launched with.
    func instanceType(of plan: String) -> String {
        configuration.billing.plans.orFree(plan).instanceType ?? configuration.launch.instanceType
    }

    /// How long before its launch a tenant's provisioning begins, and how much faster than launches are
    /// allowed tenants are let in: enough are always under way when some are deleted or held up.
    private static let leadTime: Duration = .seconds(60)
    private static let turnShare = 0.93

    /// When a new tenant's turn comes: to make its tunnel long before its instance can be launched would fill
    /// the queues of all with those who come last.
    private func turn(waiting: Int) -> Duration {
        let limit = configuration.limits.limit(of: "ec2", "RunInstances", scope: configuration.aws.region)
        return max(.zero, .bounded(seconds: Double(waiting) * limit.gap * Self.turnShare) - Self.leadTime)
    }

    func startProvisioning(
        _ org: Org, launchID: UUID, after delay: Duration = .zero, in transaction: Transaction
    ) async throws {
        _ = try await engine.start(
            ProvisionTenant.kind, subject: org.id.text,
            input: ProvisionTenant.Input(orgID: org.id, slug: org.slug, launchID: launchID),
            after: delay, in: transaction)
    }
}
