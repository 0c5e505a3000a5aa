import AdminProtocol
import FoundationEssentials
import Postgres
import TenantProtocol

/// Takes a batch: judges its events, counts those that are new, sets aside the rest, says what is missing.
/// Once it answers, everything is on the platform's disk; sent again after a lost answer, nothing changes.
package struct UsageIngestion: Sendable {
    /// Prices as old as this may be why a model is not known: they are read again before it is set aside.
    static let freshPrices: Duration = .seconds(1)
    /// How often a batch is inserted that something stood in the way of.
    static let maximumTries = 4

    package let database: PostgresPool
    package let prices: ModelPriceCache

    package init(database: PostgresPool, prices: ModelPriceCache) {
        self.database = database
        self.prices = prices
    }

    package func ingest(_ body: [UInt8], org: UUID) async throws -> UsageReceipt {
        let sent = try body.withUnsafeBufferPointer { try SentUsageReader.read($0) }
        let usage = try await judge(sent, body, org)
        let outcome = try await insert(usage)
        var setAside = outcome.setAside
        if !outcome.overlap.isEmpty {
            setAside += try await setAsideStrangers(usage, body, at: outcome.overlap)
        }
        return UsageReceipt(
            accepted: outcome.accepted, duplicates: sent.events.count - outcome.accepted - setAside,
            setAside: setAside, missing: outcome.missing)
    }

    private func judge(_ sent: SentUsage, _ body: [UInt8], _ org: UUID) async throws -> JudgedUsage {
        let now = Int(Date.now.timeIntervalSince1970 * 1_000_000)
        func judged(_ prices: PriceBook) -> JudgedUsage {
            body.withUnsafeBufferPointer { bytes in
                JudgedUsage(
                    sent, body: bytes, judgement: UsageJudgement(org: org, now: now, prices: prices))
            }
        }
        let usage = judged(try await prices.book())
        guard usage.setAside.contains(where: { $0.reason == .unknownModel }) else { return usage }
        return judged(try await prices.book(atMost: Self.freshPrices))
    }

    private func insert(_ usage: JudgedUsage) async throws -> UsageStore.Outcome {
        let store = UsageStore(database: database)
        for _ in 0..<Self.maximumTries {
            do {
                if let outcome = try await store.insert(usage) { return outcome }
                guard try await !store.addOrg(usage.org),
                    try await UsageStreams(database: database).isFull(org: usage.org)
                else { continue }
                throw AppError(
                    .conflict, "too_many_streams",
                    "The organisation has sent \(UsageStreams.maximum) streams, and may begin no other. Keep "
                        + "what is unsent, go on with an epoch that was sent before, and tell the operator.",
                    retryAfter: UsageStreams.refusalPause)
            } catch UsageConflict.missingMonth {
                let times = usage.counted.map(\.occurredAt)
                try await UsageMonths(database: database).make(
                    from: times.min() ?? 0, through: times.max() ?? 0)
            } catch UsageConflict.newModel {
                continue
            }
        }
        throw AppError(
            .notReady, "usage_busy", "Too many batches name new models at once. Send this one again.",
            retryAfter: 1)
    }

    /// Of the events at places that had been received before, those that nobody knows: another event stands
    /// at their place. The batch itself is committed, so that what came before it can be seen by now.
    private func setAsideStrangers(
        _ usage: JudgedUsage, _ body: [UInt8], at overlap: [ClosedRange<Int>]
    ) async throws -> Int {
        let first = usage.sent.sequence ?? 0
        let events = usage.sent.events.filter { event in
            event.id != nil && overlap.contains { $0.contains(first + event.offset) }
        }
        let store = SetAsideStore(database: database)
        let unknown = try await store.unknown(events.compactMap(\.id), org: usage.org)
        guard !unknown.isEmpty else { return 0 }
        let strangers = body.withUnsafeBufferPointer { bytes in
            events.filter { unknown.contains($0.id ?? usage.org) }.map {
                JudgedUsage.setAside($0, .placeTaken, "place \(first + $0.offset) holds another event", bytes)
            }
        }
        return try await store.insertUnknown(usage, strangers)
    }
}
