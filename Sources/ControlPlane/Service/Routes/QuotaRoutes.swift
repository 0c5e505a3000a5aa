import AdminProtocol
import AuditChain
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `PATCH /cp/orgs/:slug`
struct QuotaRoutes: Sendable {
    let platform: Platform

    /// Each field that is given changes, the other stays; null takes the quota away.
    struct Order: RequestFields {
        /// nil: not given. Within: nil for null.
        var workspaces: Int??
        var llmTokens: Int??

        enum CodingKeys: String, CodingKey, CaseIterable {
            case workspaces
            case llmTokens = "llm_tokens"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func change(_ key: CodingKeys) throws -> Int?? {
                container.contains(key) ? .some(try container.decodeIfPresent(Int.self, forKey: key)) : nil
            }
            workspaces = try change(.workspaces)
            llmTokens = try change(.llmTokens)
        }
    }

    func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        let org = try context.org()
        let changed = try await platform.database.transaction { transaction in
            let orgs = OrgStore(database: transaction)
            let before = try await orgs.lock(id: org.id)
            let allowed = platform.configuration.billing.plans.quotas(of: before.plan)
            var quotas = before.quotas
            if let workspaces = order.workspaces {
                quotas.workspaces = try Self.checked(
                    workspaces, "workspaces", allowed.workspaces ?? Quotas.maximumWorkspaces)
            }
            if let tokens = order.llmTokens {
                quotas.llmTokens = try Self.checked(
                    tokens, "llm_tokens", allowed.llmTokens ?? Quotas.maximumTokens)
            }
            guard quotas != before.quotas else { return before }
            try await orgs.setQuotas(id: org.id, quotas)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.quotas_changed", org: org.id, subject: org.slug,
                    before: before.quotas.audited, after: quotas.audited),
                by: context.origin)
            try await SettingsPushes(fleet: platform.fleet).pushSettings(org: org.id, in: transaction)
            return try await orgs.lock(id: org.id)
        }
        return try Response.json(OrgView(org: changed))
    }

    private static func checked(_ quota: Int?, _ field: String, _ maximum: Int) throws -> Int? {
        guard let quota else { return nil }
        guard (0...maximum).contains(quota) else {
            throw AppError.invalidField(
                field, "The field \"\(field)\" is 0 to \(maximum), which is what the plan allows, or null.")
        }
        return quota
    }
}

extension Quotas {
    fileprivate var audited: [String: AuditValue] {
        ["workspaces": .number(workspaces), "llm_tokens": .number(llmTokens)]
    }
}
