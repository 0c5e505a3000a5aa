import Foundation
import Postgres
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What operators look into and decide: gaps, events set aside, prices.
@Suite struct UsageAdminTests {
    private static let admin = "/cp/admin/usage"

    @Test func gapsAreSeenByOperators() async throws {
        try await UsageTenant.run { tenant in
            let (torn, whole) = (UUID().text, UUID().text)
            _ = try await tenant.send([tenant.event()], epoch: whole, sequence: 1)
            _ = try await tenant.send(
                [tenant.event()], epoch: torn, sequence: 9, lost: [.init(from: 2, to: 3)])
            for query in ["", "?org=acme", "?org=\(tenant.org.id.text)"] {
                let answer = try await tenant.service.send("GET", Self.admin + "/gaps" + query)
                let gaps = try #require(answer.json["gaps"]?.array)
                let gap = try #require(gaps.first?.object)
                #expect(gaps.count == 1 && gap["epoch"] == .string(torn) && gap["slug"] == .string("acme"))
                #expect(gap["missing_places"] == .number(6) && gap["lost_places"] == .number(2))
                let missing: JSONValue = .array([
                    .object(["from": .number(1), "to": .number(1)]),
                    .object(["from": .number(4), "to": .number(8)]),
                ])
                #expect(gap["missing"] == missing)
            }
        }
    }

    // MARK: Set aside

    @Test func anUnknownModelIsCountedOnceAPriceWasSet() async throws {
        try await UsageTenant.run { tenant in
            let service = tenant.service
            let event = tenant.event(["provider": "nobody"])
            #expect(try await tenant.send([event], epoch: UUID().text, sequence: 1).setAside == 1)
            let order = #"{"reason":"unknown_model","dry_run":false}"#
            let early = try await service.send("POST", Self.admin + "/set-aside/release", body: order)
            #expect(early.json["matched"] == .number(1) && early.json["decided"] == .number(0))
            #expect(early.json["kept"]?.array?.first?.object?["reason"] == .string("unknown_model"))

            let price = """
                {"provider":"nobody","model":"*","input_millicredits":1,"output_millicredits":2,
                "cached_millicredits":3,"reasoning_millicredits":4}
                """
            #expect(try await service.send("POST", Self.admin + "/prices", body: price).status == 201)
            let dry = try await service.send(
                "POST", Self.admin + "/set-aside/release", body: #"{"reason":"unknown_model"}"#)
            #expect(dry.json["dry_run"] == .bool(true) && dry.json["decided"] == .number(1))
            #expect(try await service.count("usage_event_ids") == 0)
            #expect(try await tenant.reasons() == ["unknown_model"])

            let released = try await service.send("POST", Self.admin + "/set-aside/release", body: order)
            #expect(released.json["decided"] == .number(1) && released.json["duplicates"] == .number(0))
            #expect(try await tenant.sum("usage_hours") == [1, 10, 5, 2, 1, 10 + 2 * 5 + 3 * 2 + 4])
            #expect(try await tenant.send([event]).duplicates == 1)
            let list = try await service.send("GET", Self.admin + "/set-aside?state=released&org=acme")
            let record = try #require(list.json["events"]?.array?.first?.object)
            #expect(record["decided_by"] == .string("environment"))
            #expect(record["event"]?.object?["provider"] == .string("nobody"))
            #expect(try await service.count("audit.entries WHERE action = 'usage.released'") == 1)
        }
    }

    /// The tenant sent the same event again when its model was known: it has counted, and counts once.
    @Test func whatHasCountedMeanwhileIsReleasedAsADuplicate() async throws {
        try await UsageTenant.run { tenant in
            let event = tenant.event()
            #expect(try await tenant.send([event]).accepted == 1)
            try await tenant.service.platform.database.execute(
                """
                INSERT INTO usage_set_aside (org_id, event_id, reason, detail, event)
                SELECT \(tenant.org.id), (\(event)::jsonb->>'id')::uuid, 'clock_ahead', 'x',
                    jsonb_object_agg(k, v)
                FROM jsonb_each_text(\(event)::jsonb) AS e (k, v)
                """)
            let released = try await tenant.service.send(
                "POST", Self.admin + "/set-aside/release", body: #"{"org":"acme","dry_run":false}"#)
            #expect(released.json["decided"] == .number(1) && released.json["duplicates"] == .number(1))
            #expect(try await tenant.sum("usage_hours")[0] == 1)
        }
    }

    @Test func whatIsDiscardedNeverCounts() async throws {
        try await UsageTenant.run { tenant in
            let ahead = Date(timeIntervalSinceNow: 3_600).formatted(.iso8601)
            let id = UUID().text
            let event = tenant.event(["id": id, "occurred_at": ahead])
            let negative = tenant.event(["input_tokens": -4])
            #expect(try await tenant.send([event, negative]).setAside == 2)
            let body = #"{"ids":["\#(id)"],"dry_run":false}"#
            let discarded = try await tenant.service.send(
                "POST", Self.admin + "/set-aside/discard", body: body)
            #expect(discarded.json["decided"] == .number(1))
            #expect(try await tenant.send([tenant.event(["id": id])]).duplicates == 1, "its clock was mended")
            let released = try await tenant.service.send(
                "POST", Self.admin + "/set-aside/release", body: #"{"org":"acme","dry_run":false}"#)
            #expect(released.json["decided"] == .number(0), "a negative count cannot be released")
            #expect(try await tenant.reasons() == ["negative_count"])
            #expect(try await tenant.service.count("audit.entries WHERE action = 'usage.discarded'") == 1)
        }
    }

    @Test func anOrderNamesWhatItMeans() async throws {
        try await TestService.run { service in
            let empty = try await service.send("POST", Self.admin + "/set-aside/discard", body: "{}")
            #expect(empty.status == 400 && empty.code == "nothing_named")
            let unknown = try await service.send("GET", Self.admin + "/set-aside?reason=none")
            #expect(unknown.status == 400 && unknown.code == "invalid_reason")
            let nobody = try await service.send("GET", Self.admin + "/gaps?org=nobody")
            #expect(nobody.status == 404 && nobody.code == "org_not_found")
        }
    }

    // MARK: Prices

    @Test func aPriceNeverChangesWhatHasCounted() async throws {
        try await UsageTenant.run { tenant in
            func set(_ model: String, _ rate: Int, from: Date?) async throws -> TestService.Answer {
                let start = from.map { #""valid_from":"\#($0.formatted(.iso8601))","# } ?? ""
                return try await tenant.service.send(
                    "POST", Self.admin + "/prices",
                    body: """
                        {"provider":"anthropic","model":"\(model)",\(start)"input_millicredits":\(rate),
                        "output_millicredits":\(rate),"cached_millicredits":0,"reasoning_millicredits":0}
                        """)
            }
            let early = try await set("claude-sonnet-4-5", 1, from: .now)
            #expect(early.status == 422 && early.code == "price_too_early", "\(early.json)")
            #expect(early.json["earliest"]?.string != nil)
            let start = Date(timeIntervalSinceNow: 700)
            #expect(try await set("claude-sonnet-4-5", 7, from: start).status == 201)
            let twice = try await set("claude-sonnet-4-5", 8, from: start)
            #expect(twice.status == 409 && twice.code == "price_exists")
            #expect(try await set("*", ModelPrice.limits.upperBound + 1, from: nil).status == 400)
            let book = try await tenant.service.platform.billing.modelPrices.book(atMost: .zero)
            let moment = Int(start.timeIntervalSince1970) * 1_000_000
            #expect(book.price("anthropic", "claude-sonnet-4-5", at: moment - 1)?.rates.input == 1_000)
            #expect(book.price("anthropic", "claude-sonnet-4-5", at: moment)?.rates.input == 7)
            #expect(book.price("anthropic", "another", at: moment)?.rates.input == 1_000)
            #expect(book.price("nobody", "another", at: moment) == nil)
            #expect(try await tenant.service.count("audit.entries WHERE action = 'model_price.set'") == 1)
        }
    }
}
