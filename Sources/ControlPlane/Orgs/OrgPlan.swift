/// What an organisation pays for, and gets: the one table of plans.
struct OrgPlan: Sendable {
    var name: String
    /// US dollars a month.
    var dollars: Int
    /// nil: no limit.
    var maximumWorkspaces: Int?
    /// A credit is one LLM token.
    var monthlyCredits: Int
    /// Whether use beyond the monthly credits goes on, and is charged.
    var hasOverage: Bool
}

extension OrgPlan {
    static let free = OrgPlan(
        name: "free", dollars: 0, maximumWorkspaces: 3, monthlyCredits: 0, hasOverage: false)
    static let starter = OrgPlan(
        name: "starter", dollars: 29, maximumWorkspaces: 10, monthlyCredits: 5_000_000, hasOverage: false)
    static let pro = OrgPlan(
        name: "pro", dollars: 99, maximumWorkspaces: nil, monthlyCredits: 25_000_000, hasOverage: true)

    static let all = [free, starter, pro]

    static func named(_ name: String) -> OrgPlan? { all.first { $0.name == name } }
}
