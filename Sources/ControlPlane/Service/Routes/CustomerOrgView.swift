import Billing
import FoundationEssentials
import Organisations

/// An organisation as its members see it in their list, with its credits of the present month.
struct CustomerOrgView: Encodable {
    var org: Org
    /// nil for a caller who is no person.
    var role: OrgRole?
    let credits: CreditAccount

    private enum CodingKeys: String, CodingKey {
        case id, slug, name, plan, status, role
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case creditsBalance = "credits_balance"
        case planMonthlyCredits = "plan_monthly_credits"
        case overageUsedCredits = "overage_used_credits"
        case overageCapCredits = "overage_cap_credits"
        case billingStatus = "billing_status"
        case graceEndsAt = "grace_ends_at"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(org.id.text, forKey: .id)
        try container.encode(org.slug, forKey: .slug)
        try container.encode(org.name, forKey: .name)
        try container.encode(org.plan, forKey: .plan)
        try container.encode(org.status, forKey: .status)
        try container.encodeIfPresent(role, forKey: .role)
        try container.encode(org.createdAt, forKey: .createdAt)
        try container.encode(org.updatedAt, forKey: .updatedAt)
        try container.encode(credits.position.balance, forKey: .creditsBalance)
        try container.encode(credits.planCredits, forKey: .planMonthlyCredits)
        try container.encode(credits.position.overage, forKey: .overageUsedCredits)
        try container.encode(credits.position.cap, forKey: .overageCapCredits)
        try container.encode(org.billingStatus, forKey: .billingStatus)
        try container.encodeIfPresent(org.graceEndsAt, forKey: .graceEndsAt)
    }
}

extension CustomerOrgView {
    /// With one statement for the credits of all. One that was deleted meanwhile is left out.
    static func all(_ orgs: [(org: Org, role: OrgRole?)], _ platform: Platform) async throws -> [Self] {
        let credits = try await CreditReading(
            database: platform.database, rules: platform.billing.creditRules
        )
        .accounts(of: orgs.map(\.org.id), in: Month(containing: Date()))
        return orgs.compactMap { org, role in
            credits[org.id].map { CustomerOrgView(org: org, role: role, credits: $0) }
        }
    }
}
