import AdminProtocol
import FoundationEssentials

/// The plans that this platform offers, from `PLANS`.
package struct Plans: Sendable, Equatable {
    /// In the order in which they are offered. Never empty: `free` is among them.
    package let all: [OrgPlan]

    package static let standard = Plans(all: [.free, .starter, .pro])
    static let maximumCount = 50

    private init(all: [OrgPlan]) { self.all = all }

    /// - Throws: `Problem`, in words for whoever configures it.
    package init(json: String) throws {
        guard let plans = try? JSONDecoder().decode([OrgPlan].self, from: Data(json.utf8)) else {
            throw Problem(text: "a JSON list of {name, cents, ...}")
        }
        guard plans.count <= Self.maximumCount else { throw Problem(text: "too long a list") }
        if let problem = plans.lazy.compactMap(\.problem).first { throw Problem(text: problem) }
        let keys = plans.flatMap { [$0.lookupKey, $0.overageLookupKey].compactMap { $0 } }
        guard Set(plans.map(\.name)).count == plans.count, Set(keys).count == keys.count else {
            throw Problem(text: "names and lookup keys of plans are all different")
        }
        guard plans.contains(where: { $0.name == OrgPlan.free.name && $0.isFree }) else {
            throw Problem(text: "a plan \"\(OrgPlan.free.name)\" that costs nothing has to be there")
        }
        self.init(all: plans)
    }

    package struct Problem: Error { package var text: String }

    package func named(_ name: String) -> OrgPlan? { all.first { $0.name == name } }

    /// - Throws: `invalid_plan` (400).
    package func offered(_ name: String) throws -> OrgPlan {
        guard let plan = named(name) else {
            throw AppError.invalidField(
                "plan", "The field \"plan\" is one of \(all.map(\.name).joined(separator: ", ")).")
        }
        return plan
    }

    /// The plan that is sold under the price.
    package func sold(under lookupKey: String) -> OrgPlan? { all.first { $0.lookupKey == lookupKey } }

    /// Of a plan that is offered no longer, what costs nothing.
    package func orFree(_ name: String) -> OrgPlan { named(name) ?? named(OrgPlan.free.name) ?? .free }

    /// What a plan allows; nil where it sets no limit: beyond its tokens a plan with overage is charged, and
    /// one without any leaves them to the tenant's own keys.
    package func quotas(of name: String) -> Quotas {
        let plan = orFree(name)
        let isBounded = !plan.hasOverage && plan.monthlyCredits > 0
        return Quotas(
            workspaces: plan.maximumWorkspaces, llmTokens: isBounded ? plan.monthlyCredits : nil)
    }

    /// What the tenant is told: the organisation's own, where that is less than its plan allows.
    package func effectiveQuotas(of org: Org) -> Quotas {
        let allowed = quotas(of: org.plan)
        func least(_ one: Int?, _ other: Int?) -> Int? { [one, other].compactMap { $0 }.min() }
        return Quotas(
            workspaces: least(org.quotas.workspaces, allowed.workspaces),
            llmTokens: least(org.quotas.llmTokens, allowed.llmTokens))
    }
}
