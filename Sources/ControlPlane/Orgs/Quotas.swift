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
