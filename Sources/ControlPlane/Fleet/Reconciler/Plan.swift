import FoundationEssentials

/// What is to be done about findings. Pure, as the comparison is: a dry run shows what a run would do.
package struct Plan: Sendable {
    package struct Policy: Sendable {
        /// From quarantine to deletion.
        var graceSeconds: Double
        /// Of what was seen, one run deletes at most this share; more is a sign that the rows are wrong.
        package var sharePercent: Int
        /// So many may always be deleted.
        package var floor: Int
        /// Also deletes what belongs to organisations that no row ever knew: after a database was restored
        /// they may be living tenants, to be adopted.
        package var deletesUnknown = false

        package init(graceSeconds: Double, sharePercent: Int, floor: Int, deletesUnknown: Bool = false) {
            self.graceSeconds = graceSeconds
            self.sharePercent = sharePercent
            self.floor = floor
            self.deletesUnknown = deletesUnknown
        }
    }

    package enum Action: String, Sendable, Codable {
        /// Starts the workflow that puts a drift right.
        case mend
        case markGone = "mark_gone"
        case quarantine
        /// Until the grace period ends.
        case wait
        case delete
        case unquarantine
        /// Too many at once.
        case refuse
        /// Only a person can tell what is right.
        case person

        /// A run in the mode `repair` does something.
        var isActive: Bool { ![.wait, .refuse, .person].contains(self) }
    }

    package struct Item: Sendable {
        var finding: Finding
        package var action: Action
        /// When the action, or what comes after it, is due; nil: at once or never.
        var dueAt: Date?

        package init(finding: Finding, action: Action, dueAt: Date? = nil) {
            self.finding = finding
            self.action = action
            self.dueAt = dueAt
        }
    }

    /// What earlier runs wrote about a finding.
    package struct History: Sendable {
        var quarantinedAt: Date?

        package init(quarantinedAt: Date? = nil) {
            self.quarantinedAt = quarantinedAt
        }
    }

    package private(set) var items: [Item]
    /// Why deletions were refused.
    package private(set) var refusal: String?

    package init(
        _ findings: [Finding], history: [Finding.Key: History], seen: Int, rows: Int, now: Date,
        policy: Policy
    ) {
        items = findings.map { Self.item($0, history[$0.key], now, policy) }
        refuse(.delete, of: seen, "things in the cloud", policy)
        refuse(.markGone, of: rows, "rows of the ledger", policy)
    }

    private static func item(
        _ finding: Finding, _ history: History?, _ now: Date, _ policy: Policy
    ) -> Item {
        switch finding.code {
        case .gone: return Item(finding: finding, action: finding.isInLedger ? .markGone : .person)
        case .quarantineLeft: return Item(finding: finding, action: .unquarantine)
        case .orphan: return orphan(finding, history, now, policy)
        default: return Item(finding: finding, action: finding.code.isMendable ? .mend : .person)
        }
    }

    private static func orphan(
        _ finding: Finding, _ history: History?, _ now: Date, _ policy: Policy
    ) -> Item {
        guard let since = finding.quarantinedAt ?? history?.quarantinedAt else {
            return Item(
                finding: finding, action: .quarantine, dueAt: now.addingTimeInterval(policy.graceSeconds))
        }
        let end = since.addingTimeInterval(policy.graceSeconds)
        if end > now { return Item(finding: finding, action: .wait, dueAt: end) }
        let mayDelete = finding.isOrgKnown || policy.deletesUnknown
        return Item(finding: finding, action: mayDelete ? .delete : .person, dueAt: end)
    }

    /// All or nothing: a part of a wrong plan is wrong as well.
    private mutating func refuse(_ action: Action, of total: Int, _ what: String, _ policy: Policy) {
        let count = items.filter { $0.action == action }.count
        let limit = max(policy.floor, total * policy.sharePercent / 100)
        guard count > limit else { return }
        for index in items.indices where items[index].action == action { items[index].action = .refuse }
        let reason = "\(action.rawValue): \(count) of \(total) \(what) are more than the limit of \(limit)"
        refusal = [refusal, reason].compactMap(\.self).joined(separator: "; ")
    }
}
