import FoundationEssentials

/// What an organisation pays for, and gets.
package struct OrgPlan: Sendable, Equatable {
    /// Cents (the currency's smallest unit) a month, as people are shown it; what is charged is the price's.
    package var cents: Int
    package var name: String
    /// Of its price at Stripe; nil for what costs nothing.
    package var lookupKey: String?
    /// nil: no limit.
    package var maximumWorkspaces: Int?
    /// A credit is one LLM token.
    package var monthlyCredits: Int
    /// Whether use beyond the monthly credits goes on, and is charged.
    package var hasOverage: Bool
    /// Of the metered price of what is used beyond the credits.
    package var overageLookupKey: String?
    /// Of the tenant's instance; nil: what EC2_INSTANCE_TYPE says.
    package var instanceType: String?
    /// From a payment that failed to the suspension.
    package var graceDays: Int

    /// Of `cents`, of `maximumWorkspaces` and of `monthlyCredits`: ten thousand times the largest that is
    /// sold.
    static let maximumCents = 1_000_000_000
    static let maximumWorkspaceLimit = Quotas.maximumWorkspaces
    static let maximumMonthlyCredits = Quotas.maximumTokens
    static let graceDayLimits = 0...90
    static let defaultGraceDays = 7
}

extension OrgPlan {
    package static let free = OrgPlan(
        cents: 0, name: "free", maximumWorkspaces: 3, monthlyCredits: 0, hasOverage: false,
        graceDays: defaultGraceDays)
    package static let starter = OrgPlan(
        cents: 2_900, name: "starter", lookupKey: "starter_monthly", maximumWorkspaces: 10,
        monthlyCredits: 5_000_000, hasOverage: false, graceDays: defaultGraceDays)
    package static let pro = OrgPlan(
        cents: 9_900, name: "pro", lookupKey: "pro_monthly", maximumWorkspaces: nil,
        monthlyCredits: 25_000_000, hasOverage: true, overageLookupKey: "pro_overage",
        graceDays: defaultGraceDays)

    package var isFree: Bool { cents == 0 }
}

extension OrgPlan: Decodable {
    private enum CodingKeys: String, CodingKey {
        case cents, name, workspaces, overage
        case lookupKey = "lookup_key"
        case monthlyCredits = "monthly_credits"
        case overageLookupKey = "overage_lookup_key"
        case instanceType = "instance_type"
        case graceDays = "grace_days"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        cents = try container.decode(Int.self, forKey: .cents)
        name = try container.decode(String.self, forKey: .name)
        lookupKey = try container.decodeIfPresent(String.self, forKey: .lookupKey)
        maximumWorkspaces = try container.decodeIfPresent(Int.self, forKey: .workspaces)
        monthlyCredits = try container.decodeIfPresent(Int.self, forKey: .monthlyCredits) ?? 0
        hasOverage = try container.decodeIfPresent(Bool.self, forKey: .overage) ?? false
        overageLookupKey = try container.decodeIfPresent(String.self, forKey: .overageLookupKey)
        instanceType = try container.decodeIfPresent(String.self, forKey: .instanceType)
        graceDays =
            try container.decodeIfPresent(Int.self, forKey: .graceDays) ?? OrgPlan.defaultGraceDays
    }

    /// What is wrong with it, for whoever configures it; nil: nothing.
    package var problem: String? {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789_-"
        guard (1...32).contains(name.utf8.count), name.allSatisfy({ letters.contains($0) }) else {
            return "a plan's name is 1 to 32 of a-z, 0-9, _ and -"
        }
        if cents < 0 || monthlyCredits < 0 || (maximumWorkspaces ?? 0) < 0 {
            return "\(name): cents, monthly_credits and workspaces are not negative"
        }
        if cents > Self.maximumCents || monthlyCredits > Self.maximumMonthlyCredits
            || (maximumWorkspaces ?? 0) > Self.maximumWorkspaceLimit
        {
            return "\(name): cents are at most \(Self.maximumCents), monthly_credits "
                + "\(Self.maximumMonthlyCredits) and workspaces \(Self.maximumWorkspaceLimit)"
        }
        if !isFree, lookupKey == nil { return "\(name) costs something, and has no lookup_key" }
        if isFree, lookupKey != nil { return "\(name) costs nothing, and has a lookup_key" }
        guard Self.graceDayLimits.contains(graceDays) else {
            let limits = Self.graceDayLimits
            return "\(name): grace_days is \(limits.lowerBound) to \(limits.upperBound)"
        }
        return nil
    }
}
