import FoundationEssentials
import Postgres

/// What an organisation may use. Nil: no limit of this kind is set here.
struct Quotas: Sendable, Encodable, Equatable {
    var workspaces: Int?
    /// A month.
    var llmTokens: Int?

    enum CodingKeys: String, CodingKey {
        case workspaces
        case llmTokens = "llm_tokens"
    }

    /// Both are there, null where nothing is set.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(workspaces, forKey: .workspaces)
        try container.encode(llmTokens, forKey: .llmTokens)
    }

    /// What a plan allows; nil where it sets no limit: beyond its tokens a plan with overage is charged, and
    /// one without any leaves them to the tenant's own keys.
    static func allowed(by plan: String) -> Quotas {
        let plan = OrgPlan.named(plan) ?? .free
        let isBounded = !plan.hasOverage && plan.monthlyCredits > 0
        return Quotas(
            workspaces: plan.maximumWorkspaces, llmTokens: isBounded ? plan.monthlyCredits : nil)
    }
}

extension Org {
    /// What the tenant is told: its own, where that is less than the plan allows.
    var effectiveQuotas: Quotas {
        let allowed = Quotas.allowed(by: plan)
        func least(_ one: Int?, _ other: Int?) -> Int? { [one, other].compactMap { $0 }.min() }
        return Quotas(
            workspaces: least(quotas.workspaces, allowed.workspaces),
            llmTokens: least(quotas.llmTokens, allowed.llmTokens))
    }
}

extension OrgStore {
    func setQuotas(id: UUID, _ quotas: Quotas) async throws {
        try await database.execute(
            """
            UPDATE orgs SET workspace_quota = \(quotas.workspaces), llm_token_quota = \(quotas.llmTokens),
                updated_at = now()
            WHERE id = \(id)
            """)
    }
}
