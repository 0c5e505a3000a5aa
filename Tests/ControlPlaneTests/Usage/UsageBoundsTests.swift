import CurlHTTP
import Foundation
import Postgres
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// Usage at the ends of what an event may say, at the highest price that can be set.
@Suite struct UsageBoundsTests {
    private static let most = UsageEvent.maximumTokens
    private static let release = "/cp/admin/usage/set-aside/release"

    /// A provider of whom every token costs as much as one can, beside one whose tokens cost a credit.
    static func run(_ body: @Sendable @escaping (UsageTenant) async throws -> Void) async throws {
        try await UsageTenant.run { tenant in
            let price = """
                {"provider":"dear","model":"*","input_millicredits":100000,"output_millicredits":100000,
                "cached_millicredits":100000,"reasoning_millicredits":100000}
                """
            let answer = try await tenant.service.send("POST", "/cp/admin/usage/prices", body: price)
            #expect(answer.status == 201)
            try await tenant.service.add("payer", to: tenant.org, as: .billing)
            try await body(tenant)
        }
    }

    private static func day(_ ago: Int) -> String {
        String(Date.now.addingTimeInterval(-86_400 * Double(ago)).formatted(.iso8601).prefix(10))
    }

    /// - Parameter input: tokens at 100 credits each.
    private static func dear(_ tenant: UsageTenant, _ input: Int, ago: Int = 1) -> String {
        tenant.event([
            "provider": "dear", "input_tokens": input, "output_tokens": 0, "cached_tokens": 0,
            "reasoning_tokens": 0, "occurred_at": "\(day(ago))T12:00:00Z",
        ])
    }

    private static func set(_ tenant: UsageTenant, _ reason: SetAsideReason) async throws -> Int {
        try await tenant.service.count("usage_set_aside WHERE reason = \(reason.rawValue)")
    }

    /// Twenty-five batches of the largest events at the highest price come to more than a bigint holds.
    @Test func theLargestBatchesAreSetAsideAndTheReportsAnswer() async throws {
        try await Self.run { tenant in
            let whole: [String: any Sendable] = [
                "provider": "dear", "input_tokens": Self.most, "output_tokens": Self.most,
                "cached_tokens": Self.most, "reasoning_tokens": Self.most,
            ]
            let epoch = UUID().text
            for batch in 0..<25 {
                let events = (0..<1_000).map { _ in tenant.event(whole) }
                let receipt = try await tenant.send(events, epoch: epoch, sequence: batch * 1_000 + 1)
                #expect(
                    receipt == UsageReceipt(accepted: 0, duplicates: 0, setAside: 1_000, missing: []))
            }
            #expect(try await Self.set(tenant, .batchLimit) == 25_000)
            #expect(try await tenant.send([tenant.event()]).accepted == 1)
            let payer = try await tenant.service.signIn("payer")
            for grouping in ["day", "model", "workspace"] {
                let own = try await payer.send("GET", "/cp/orgs/acme/usage?group_by=\(grouping)")
                #expect(own.status == 200)
                #expect(own.json["totals"]?.object?["millicredits"]?.number == 18_000)
            }
            let seen = try await tenant.service.send("GET", "/cp/admin/usage/set-aside?reason=batch_limit")
            #expect(seen.json["counts"]?.array?.first?.object?["events"]?.number == 25_000)
            let detail = seen.json["events"]?.array?.first?.object?["detail"]?.string ?? ""
            #expect(detail.contains("more than 100000000000 tokens or 100000000000 credits"))
            #expect(try await payer.send("GET", "/cp/orgs/acme/credits").status == 200)
            #expect(try await tenant.service.send("GET", "/cp/admin/usage/check").status == 200)
        }
    }

    @Test func aDayHoldsItsLimitToTheMillicreditAndNothingIsLost() async throws {
        try await Self.run { tenant in
            // Each a hundredth of the day's limit, ten a batch's.
            let batches = (0..<11).map { _ in (0..<10).map { _ in Self.dear(tenant, 100_000_000) } }
            let epoch = UUID().text
            for (index, events) in batches.enumerated() {
                let receipt = try await tenant.send(events, epoch: epoch, sequence: index * 10 + 1)
                let counts = index < 10
                #expect(receipt.accepted == (counts ? 10 : 0) && receipt.setAside == (counts ? 0 : 10))
            }
            #expect(try await tenant.sum("usage_days").last == UsageAmount.ofDay.millicredits)
            #expect(try await Self.set(tenant, .dayLimit) == 10)
            // Again, in other batches, with one more of the day and one of another: only the last one counts.
            for events in batches { #expect(try await tenant.send(events).duplicates == 10) }
            let mixed = try await tenant.send([
                batches[0][0], Self.dear(tenant, 1), Self.dear(tenant, 1, ago: 2), batches[10][0],
            ])
            #expect(mixed == UsageReceipt(accepted: 1, duplicates: 2, setAside: 1, missing: []))
            #expect(
                try await tenant.sum("usage_hours").last == UsageAmount.ofDay.millicredits + 100_000)
            let check = try await tenant.service.send("GET", "/cp/admin/usage/check")
            let isSound = check.json["months"]?.array?.allSatisfy { $0.object?["differences"]?.number == 0 }
            #expect(isSound == true)
        }
    }

    @Test func batchesThatFillADayAtOnceShareWhatIsLeftOfIt() async throws {
        try await Self.run { tenant in
            let receipts = try await withThrowingTaskGroup(of: UsageReceipt.self) { group in
                for _ in 0..<13 {
                    group.addTask {
                        let events = (0..<10).map { _ in Self.dear(tenant, 100_000_000) }
                        while true {
                            let answer = try await tenant.post(tenant.body(events))
                            // Others filled it meanwhile, each time: as a sender does, it comes again.
                            guard answer.code == "usage_busy" else {
                                return UsageReceipt(
                                    accepted: answer.json["accepted"]?.number ?? -1, duplicates: 0,
                                    setAside: answer.json["set_aside"]?.number ?? -1, missing: [])
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(receipts.allSatisfy { $0.accepted + $0.setAside == 10 })
            #expect(receipts.map(\.accepted).reduce(0, +) == 100)
            #expect(try await Self.set(tenant, .dayLimit) == 30)
            #expect(try await tenant.sum("usage_days").last == UsageAmount.ofDay.millicredits)
        }
    }

    @Test func whatABatchOrADayHadNoRoomForIsReleasedWhereThereIsSome() async throws {
        try await Self.run { tenant in
            // Eleven tenths of a batch.
            let receipt = try await tenant.send((0..<11).map { _ in Self.dear(tenant, 100_000_000) })
            #expect(receipt.accepted == 10 && receipt.setAside == 1)
            #expect(try await tenant.reasons() == ["batch_limit"])
            let order = #"{"org":"acme","dry_run":false}"#
            let released = try await tenant.service.send("POST", Self.release, body: order)
            #expect(released.json["decided"]?.number == 1)
            for _ in 0..<9 {
                _ = try await tenant.send((0..<10).map { _ in Self.dear(tenant, 100_000_000) })
            }
            #expect(try await tenant.sum("usage_days").last == UsageAmount.ofDay.millicredits)
            #expect(try await tenant.reasons() == ["day_limit"])
            let kept = try await tenant.service.send("POST", Self.release, body: order)
            #expect(kept.json["decided"]?.number == 0)
            #expect(kept.json["kept"]?.array?.first?.object?["reason"]?.string == "day_limit")
            #expect(try await tenant.reasons() == ["day_limit"], "it goes on waiting")
            let discarded = try await tenant.service.send(
                "POST", "/cp/admin/usage/set-aside/discard", body: order)
            #expect(discarded.json["decided"]?.number == 1)
        }
    }

    /// Tokens have their own limit, whatever they cost.
    @Test func tokensThatCostNothingAreBoundedToo() async throws {
        try await Self.run { tenant in
            let price = """
                {"provider":"free","model":"*","input_millicredits":0,"output_millicredits":0,
                "cached_millicredits":0,"reasoning_millicredits":0}
                """
            _ = try await tenant.service.send("POST", "/cp/admin/usage/prices", body: price)
            let events = (0..<101).map { _ in
                tenant.event([
                    "provider": "free", "input_tokens": Self.most, "output_tokens": 0, "cached_tokens": 0,
                    "reasoning_tokens": 0, "occurred_at": "\(Self.day(1))T01:00:00Z",
                ])
            }
            let receipt = try await tenant.send(events)
            #expect(receipt.accepted == 100 && receipt.setAside == 1)
            #expect(try await tenant.reasons() == ["batch_limit"])
        }
    }

    // MARK: What was there before

    /// Rows of a time without limits: the sums of several are no bigint any more.
    @Test func rowsThatHoldTooMuchAlreadyAreReported() async throws {
        try await Self.run { tenant in
            let (service, org) = (tenant.service, tenant.org.id)
            for model in ["a", "b", "c"] {
                try await service.use(org, millicredits: .max - 1, model: model)
            }
            #expect(try await tenant.send([tenant.event()]).accepted == 1)
            let payer = try await service.signIn("payer")
            for grouping in ["day", "model", "workspace"] {
                let answer = try await payer.send("GET", "/cp/orgs/acme/usage?group_by=\(grouping)")
                #expect(answer.status == 200)
                #expect(answer.json["totals"]?.object?["millicredits"]?.number == .max)
            }
            for path in ["orgs/acme/usage", "orgs/acme/credits", "usage/check", "usage/gaps"] {
                #expect(try await service.send("GET", "/cp/admin/\(path)").status == 200, "\(path)")
            }
            #expect(try await service.account(org).position.usedMillicredits == .max)
        }
    }
}
