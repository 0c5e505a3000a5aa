import FoundationEssentials

/// An organisation as its members see it in their list.
///
/// Credits follow from the plan alone: use is neither counted nor charged, so the balance is the whole
/// month's, and nothing is used beyond it.
struct CustomerOrgView: Encodable {
    var org: Org
    /// nil for a caller who is no person.
    var role: OrgRole?
    let plans: Plans

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
        let credits = plans.orFree(org.plan).monthlyCredits
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(org.id.text, forKey: .id)
        try container.encode(org.slug, forKey: .slug)
        try container.encode(org.name, forKey: .name)
        try container.encode(org.plan, forKey: .plan)
        try container.encode(org.status, forKey: .status)
        try container.encodeIfPresent(role, forKey: .role)
        try container.encode(org.createdAt, forKey: .createdAt)
        try container.encode(org.updatedAt, forKey: .updatedAt)
        try container.encode(credits, forKey: .creditsBalance)
        try container.encode(credits, forKey: .planMonthlyCredits)
        try container.encode(0, forKey: .overageUsedCredits)
        try container.encode(0, forKey: .overageCapCredits)
        try container.encode(org.billingStatus, forKey: .billingStatus)
        try container.encodeIfPresent(org.graceEndsAt, forKey: .graceEndsAt)
    }
}
