import FoundationEssentials
import Postgres

/// What an organisation may use. Nil: no limit of this kind is set here.
package struct Quotas: Sendable, Encodable, Equatable {
    /// Where no plan limits them.
    package static let maximumWorkspaces = 100_000
    /// Of a month, where no plan limits them.
    package static let maximumTokens = 1_000_000_000_000

    package var workspaces: Int?
    /// A month.
    package var llmTokens: Int?

    enum CodingKeys: String, CodingKey {
        case workspaces
        case llmTokens = "llm_tokens"
    }

    /// Both are there, null where nothing is set.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(workspaces, forKey: .workspaces)
        try container.encode(llmTokens, forKey: .llmTokens)
    }
}

extension OrgStore {
    package func setQuotas(id: UUID, _ quotas: Quotas) async throws {
        try await database.execute(
            """
            UPDATE orgs SET workspace_quota = \(quotas.workspaces), llm_token_quota = \(quotas.llmTokens),
                updated_at = now()
            WHERE id = \(id)
            """)
    }
}
