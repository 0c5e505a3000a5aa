import Fleet
import FoundationEssentials
import Organisations
import Postgres

/// What a new organisation begins with.
package struct SignUp: Sendable {
    package var orgID = UUID()
    package var launchID = UUID()
    package var slug: Slug
    package var name: String
    package var ownerUserID: String
    /// Whose key creates it.
    package var partnerID: String?
    package var plan = OrgPlan.free

    package init(
        orgID: UUID = UUID(), launchID: UUID = UUID(), slug: Slug, name: String, ownerUserID: String,
        partnerID: String? = nil, plan: OrgPlan = OrgPlan.free
    ) {
        self.orgID = orgID
        self.launchID = launchID
        self.slug = slug
        self.name = name
        self.ownerUserID = ownerUserID
        self.partnerID = partnerID
        self.plan = plan
    }
}

/// Organisations that begin.
package struct SignUps: Sendable {
    package let billing: BillingContext

    package init(billing: BillingContext) {
        self.billing = billing
    }

    private var database: PostgresPool { billing.database }

    /// The organisation, its first owner, its tenant row with its place, and its provisioning begin in one
    /// commit; on a plan that costs something, all but the tenant and its provisioning.
    /// - Throws: `slug_taken` or `too_many_orgs` (409); `no_capacity` (503) when a quota is used up.
    /// - Parameter check: runs first in the transaction, and refuses what is not allowed.
    package func begin(
        _ signUp: SignUp, by origin: RequestOrigin,
        check: @Sendable @escaping (Transaction) async throws -> Void = { _ in }
    ) async throws -> Org {
        let (org, waiting) = try await database.transaction { transaction -> (Org, Int?) in
            try await check(transaction)
            let org = try await OrgStore(database: transaction).insert(
                id: signUp.orgID, slug: signUp.slug, name: signUp.name, ownerUserID: signUp.ownerUserID,
                partnerID: signUp.partnerID, plan: signUp.plan)
            try await MembershipStore(database: transaction).addFounder(
                org: org.id, user: signUp.ownerUserID)
            let waiting: Int?
            if org.status == .awaitingPayment {
                try await BillingStore(database: transaction).open(
                    org: org.id, lookingAfter: billing.settings.awaitingPayment)
                waiting = nil
            } else {
                waiting = try await Launches(fleet: billing.fleet).beginFirst(
                    org, launchID: signUp.launchID, in: transaction)
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
        answer.estimatedReadyAt = try await Estimate(fleet: billing.fleet).readyAt(waiting: waiting)
        return answer
    }
}
