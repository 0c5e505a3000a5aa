import FoundationEssentials
import Organisations
import Postgres

/// What an operator decides about events that were set aside: to count them after all, or never.
package struct SetAsideDecision: Sendable {
    /// Events of one decision; for more it is made again.
    package static let maximumEvents = 1_000
    /// Of an event that is released: its month is still there. Microseconds.
    package static let maximumAge = 90 * 86_400 * 1_000_000

    package let billing: BillingContext

    package init(billing: BillingContext) {
        self.billing = billing
    }

    package struct Outcome: Encodable, Sendable {
        package struct Kept: Encodable, Sendable {
            package var id: String
            package var reason: SetAsideReason
            package var detail: String

            package init(id: String, reason: SetAsideReason, detail: String) {
                self.id = id
                self.reason = reason
                self.detail = detail
            }
        }

        package var dryRun: Bool
        /// Events that the order names, at most `maximumEvents`.
        package var matched: Int
        /// Now decided, or in a dry run about to be.
        package var decided: Int
        /// Of the released, those that had counted already under the same id.
        package var duplicates = 0
        /// What cannot be released, and why; the first twenty.
        package var kept: [Kept] = []

        package init(dryRun: Bool, matched: Int, decided: Int, duplicates: Int = 0, kept: [Kept] = []) {
            self.dryRun = dryRun
            self.matched = matched
            self.decided = decided
            self.duplicates = duplicates
            self.kept = kept
        }

        enum CodingKeys: String, CodingKey {
            case matched, decided, duplicates, kept
            case dryRun = "dry_run"
        }
    }

    private struct Undone: Error {
        var outcome: Outcome
    }

    /// Judges them again, by the prices that there are now, and counts what can be counted.
    package func release(_ filter: SetAsideFilter, isDry: Bool, by origin: RequestOrigin) async throws
        -> Outcome
    {
        let prices = try await billing.modelPrices.book(atMost: .zero)
        return try await decide(isDry: isDry) { transaction in
            let store = SetAsideStore(database: transaction)
            let records = try await store.take(filter, limit: Self.maximumEvents)
            var outcome = Outcome(dryRun: isDry, matched: records.count, decided: 0)
            for (org, records) in Dictionary(grouping: records, by: \.orgID)
                .sorted(by: { $0.key.text < $1.key.text })
            {
                try await release(records, of: org, prices, &outcome, transaction, origin)
            }
            return outcome
        }
    }

    /// They stay on record, and count nevermore: not even when the tenant sends them again.
    package func discard(_ filter: SetAsideFilter, isDry: Bool, by origin: RequestOrigin) async throws
        -> Outcome
    {
        try await decide(isDry: isDry) { transaction in
            let store = SetAsideStore(database: transaction)
            let records = try await store.take(filter, limit: Self.maximumEvents)
            try await store.claim(records)
            try await store.decide(records, .discarded, by: origin.name)
            for (org, records) in Dictionary(grouping: records, by: \.orgID) {
                try await record("usage.discarded", org, records, counted: 0, transaction, origin)
            }
            return Outcome(dryRun: isDry, matched: records.count, decided: records.count)
        }
    }

    /// A dry run does everything and takes it back.
    private func decide(
        isDry: Bool, _ body: @Sendable (Transaction) async throws -> Outcome
    ) async throws -> Outcome {
        do {
            return try await billing.database.transaction { transaction in
                let outcome = try await body(transaction)
                if isDry { throw Undone(outcome: outcome) }
                return outcome
            }
        } catch let undone as Undone {
            return undone.outcome
        }
    }

    private func release(
        _ records: [SetAsideRecord], of org: UUID, _ prices: PriceBook, _ outcome: inout Outcome,
        _ transaction: Transaction, _ origin: RequestOrigin
    ) async throws {
        var counted: [CountedEvent] = []
        var released: [SetAsideRecord] = []
        for record in records {
            switch Self.verdict(on: record, prices) {
            case .counts(let event):
                counted.append(event)
                released.append(record)
            case .isSetAside(let reason, let detail):
                guard outcome.kept.count < 20 else { continue }
                outcome.kept.append(.init(id: record.id.text, reason: reason, detail: detail))
            }
        }
        guard !released.isEmpty else { return }
        let store = UsageStore(database: transaction)
        try await store.addOrg(org)
        let times = counted.map(\.occurredAt)
        try await UsageMonths(database: transaction).make(from: times.min() ?? 0, through: times.max() ?? 0)
        let accepted = try await store.insert(JudgedUsage(org: org, counted: counted))?.accepted ?? 0
        try await SetAsideStore(database: transaction).decide(released, .released, by: origin.name)
        outcome.decided += released.count
        outcome.duplicates += released.count - accepted
        try await self.record("usage.released", org, released, counted: accepted, transaction, origin)
    }

    /// As when it was received, but for what time and operators may have changed since.
    private static func verdict(on record: SetAsideRecord, _ prices: PriceBook) -> UsageJudgement.Verdict {
        guard record.reason.canBeReleased else {
            return .isSetAside(record.reason, detail: record.detail + "; it can only be discarded")
        }
        let judgement = UsageJudgement(
            org: record.orgID, now: Int(Date.now.timeIntervalSince1970 * 1_000_000), prices: prices,
            receivedAt: Int(record.receivedAt.timeIntervalSince1970 * 1_000_000))
        let verdict = judgement.verdict(on: record.event.sentEvent)
        if case .counts(let event) = verdict, judgement.now - event.occurredAt > maximumAge {
            return .isSetAside(.tooOld, detail: "its month may be closed by now; it can only be discarded")
        }
        return verdict
    }

    private func record(
        _ action: String, _ org: UUID, _ records: [SetAsideRecord], counted: Int,
        _ transaction: Transaction, _ origin: RequestOrigin
    ) async throws {
        let reasons = Set(records.map(\.reason.rawValue)).sorted()
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: action, org: org, subject: records.first?.slug ?? org.text,
                before: ["reasons": .array(reasons.map { .string($0) })],
                after: ["events": .integer(records.count), "counted": .integer(counted)]),
            by: origin)
    }
}
