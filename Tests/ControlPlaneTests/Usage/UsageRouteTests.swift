import CurlHTTP
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

/// `POST /cp/llm-usage-events` over HTTP, with the database that it writes.
@Suite struct UsageRouteTests {
    // MARK: Counting once

    @Test func anEventCountsOnceHoweverOftenAndInWhateverBatchesItComes() async throws {
        try await UsageTenant.run { tenant in
            let events = (0..<5).map { _ in tenant.event() }
            let epoch = UUID().text
            let first = try await tenant.send(events, epoch: epoch, sequence: 1)
            #expect(first == UsageReceipt(accepted: 5, duplicates: 0, setAside: 0, missing: []))
            let again = try await tenant.send(events, epoch: epoch, sequence: 1)
            #expect(again == UsageReceipt(accepted: 0, duplicates: 5, setAside: 0, missing: []))
            // Without a stream, in another one, twice in one batch, and half of it new.
            #expect(try await tenant.send([events[0], events[0]]).duplicates == 2)
            let other = try await tenant.send(
                Array(events[3...]) + [tenant.event()], epoch: UUID().text, sequence: 1)
            #expect(other == UsageReceipt(accepted: 1, duplicates: 2, setAside: 0, missing: []))
            let overlapping = try await tenant.send(
                [events[4], tenant.event()], epoch: epoch, sequence: 5)
            #expect(overlapping == UsageReceipt(accepted: 1, duplicates: 1, setAside: 0, missing: []))
            #expect(try await tenant.service.count("usage_event_ids") == 7)
            #expect(try await tenant.service.count("usage_events") == 7)
            #expect(try await tenant.sum("usage_hours") == [7, 70, 35, 14, 7, 126_000])
            #expect(try await tenant.sum("usage_days") == [7, 70, 35, 14, 7, 126_000])
        }
    }

    /// Ids are an organisation's own: another's event of the same id counts.
    @Test func organisationsDoNotKnowEachOthersIds() async throws {
        try await UsageTenant.run { tenant in
            let (org, secrets) = try await tenant.service.launchedOrg(slug: "other")
            let other = UsageTenant(service: tenant.service, org: org, token: secrets.adminToken)
            let event = tenant.event()
            #expect(try await tenant.send([event]).accepted == 1)
            #expect(try await other.send([event]).accepted == 1)
            let stranger = try await tenant.service.send(
                "POST", UsageTenant.path, token: secrets.adminToken, org: tenant.org.id.text,
                body: #"{"events":[]}"#)
            #expect(stranger.status == 401)
        }
    }

    @Test func anotherEventAtAPlaceThatWasReceivedIsSetAside() async throws {
        try await UsageTenant.run { tenant in
            let (epoch, event) = (UUID().text, tenant.event())
            _ = try await tenant.send([event, tenant.event()], epoch: epoch, sequence: 1)
            let stranger = tenant.event()
            for (count, duplicates) in [(1, 1), (0, 2)] {
                let answer = try await tenant.send([event, stranger], epoch: epoch, sequence: 1)
                #expect(
                    answer
                        == UsageReceipt(accepted: 0, duplicates: duplicates, setAside: count, missing: []))
            }
            #expect(try await tenant.reasons() == ["place_taken"])
        }
    }

    // MARK: Streams

    @Test func whatIsMissingIsAskedForAndWhatIsLostIsNot() async throws {
        try await UsageTenant.run { tenant in
            let epoch = UUID().text
            func send(_ places: ClosedRange<Int>, lost: [SequenceRange]? = nil) async throws
                -> [SequenceRange]
            {
                try await tenant.send(
                    places.map { _ in tenant.event() }, epoch: epoch, sequence: places.lowerBound, lost: lost
                ).missing
            }
            #expect(try await send(4...6) == [.init(from: 1, to: 3)])
            #expect(try await send(9...9) == [.init(from: 1, to: 3), .init(from: 7, to: 8)])
            #expect(
                try await send(2...2) == [
                    .init(from: 1, to: 1), .init(from: 3, to: 3), .init(from: 7, to: 8),
                ])
            let lost = try await tenant.send(
                [], epoch: epoch, sequence: nil,
                lost: [.init(from: 1, to: 4), .init(from: 7, to: 7), .init(from: 12, to: 13)])
            #expect(lost.missing == [.init(from: 8, to: 8), .init(from: 10, to: 11)])
            // What comes after all counts, and is lost no more.
            let late = try await tenant.send([tenant.event()], epoch: epoch, sequence: 3)
            #expect(late.accepted == 1 && late.missing == lost.missing)
            let row = try await tenant.service.platform.database.query(
                "SELECT received::text AS received, lost::text AS lost FROM usage_streams")[0]
            #expect(try row["received", as: String.self] == "{[2,7),[9,10)}")
            #expect(try row["lost", as: String.self] == "{[1,2),[7,8),[12,14)}")
        }
    }

    @Test func onlySoManyGapsAreNamedAndATornStreamIsRefused() async throws {
        try await UsageTenant.run { tenant in
            let epoch = UUID().text
            var missing: [SequenceRange] = []
            for place in stride(from: 2, through: 220, by: 2) {
                missing = try await tenant.send([tenant.event()], epoch: epoch, sequence: place).missing
            }
            #expect(missing.count == UsageReceipt.maximumMissing)
            #expect(missing.first == .init(from: 1, to: 1))
            // As many pieces as there may be, and one more.
            try await tenant.service.platform.database.execute(
                """
                UPDATE usage_streams SET received = (
                    SELECT r FROM generate_series(6300, 6000, -10) AS n, LATERAL (
                        SELECT range_agg(int8range(p, p + 1)) AS r FROM generate_series(2, 2 * n, 2) AS p
                    ) pieces WHERE pg_column_size(r) < 131000 LIMIT 1)
                """)
            var torn: TestService.Answer?
            for place in stride(from: 20_001, to: 20_100, by: 2) where torn?.status ?? 200 == 200 {
                torn = try await tenant.post(tenant.body([tenant.event()], epoch: epoch, sequence: place))
            }
            #expect(torn?.status == 409 && torn?.code == "stream_torn")
            #expect(try await tenant.send([tenant.event()], epoch: UUID().text, sequence: 1).accepted == 1)
        }
    }

    @Test func onlySoManyStreamsAreBegun() async throws {
        try await UsageTenant.run { tenant in
            let known = UUID().text
            #expect(try await tenant.send([tenant.event()], epoch: known, sequence: 1).accepted == 1)
            try await tenant.service.platform.database.execute(
                """
                INSERT INTO usage_streams (org, epoch) SELECT key, gen_random_uuid()
                FROM usage_orgs, generate_series(2, \(UsageStreams.maximum))
                """)
            let refused = try await tenant.post(
                tenant.body([tenant.event()], epoch: UUID().text, sequence: 1))
            #expect(refused.status == 409 && refused.code == "too_many_streams", "\(refused.json)")
            #expect(refused.headers.header("Retry-After") == "\(UsageStreams.refusalPause)")
            #expect(try await tenant.send([tenant.event()], epoch: known, sequence: 2).accepted == 1)
            #expect(try await tenant.send([tenant.event()]).accepted == 1)
            let counted = try await tenant.service.count("usage_events")
            #expect(counted == 3, "nothing of the refused batch")
        }
    }

    // MARK: Set aside

    @Test func whatCannotCountIsKeptWithItsReasonAndStillReceived() async throws {
        try await UsageTenant.run { tenant in
            let other = UUID().text
            let events = [
                tenant.event(["occurred_at": "2199-01-01T00:00:00Z"]),
                tenant.event(["occurred_at": "2020-01-01T00:00:00Z"]),
                tenant.event(["provider": "nobody"]), tenant.event(["input_tokens": -1]),
                tenant.event(["output_tokens": UsageEvent.maximumTokens + 1]),
                tenant.event(["org_id": other]), tenant.event(["model": "two words"]),
                tenant.event(["id": "7"]), tenant.event(["input_tokens": "5"]), tenant.event(["extra": true]),
                "7", tenant.event(["org_id": tenant.org.id.text]),
            ]
            let epoch = UUID().text
            let receipt = try await tenant.send(events, epoch: epoch, sequence: 1)
            #expect(receipt == UsageReceipt(accepted: 1, duplicates: 0, setAside: 11, missing: []))
            let again = try await tenant.send(events, epoch: epoch, sequence: 1)
            #expect(again == UsageReceipt(accepted: 0, duplicates: 12, setAside: 0, missing: []))
            #expect(try await tenant.send(events).duplicates == 12, "also without its stream")
            #expect(
                try await tenant.reasons() == [
                    "clock_ahead", "too_old", "unknown_model", "negative_count", "too_many_tokens",
                    "org_mismatch", "malformed", "malformed", "malformed", "malformed", "malformed",
                ])
            #expect(try await tenant.sum("usage_hours") == [1, 10, 5, 2, 1, 18_000])
            let kept = try await tenant.service.platform.database.query(
                "SELECT event->>'input_tokens' AS tokens, detail FROM usage_set_aside WHERE place = 4")[0]
            #expect(try kept["tokens", as: String.self] == "-1")
            #expect(try kept["detail", as: String.self] == "a count is less than 0")
        }
    }

    /// Five minutes ahead and 35 days ago are inside, a minute more is not.
    @Test func theWindowOfTimeIsThePromisedOne() async throws {
        try await UsageTenant.run { tenant in
            let cases: [(seconds: TimeInterval, accepted: Int)] = [
                (290, 1), (310, 0), (-35 * 86_400 + 60, 1), (-35 * 86_400 - 60, 0),
            ]
            for (seconds, accepted) in cases {
                let time = Date(timeIntervalSinceNow: seconds).formatted(.iso8601)
                let receipt = try await tenant.send([tenant.event(["occurred_at": time])])
                #expect(receipt.accepted == accepted, "\(seconds) s")
            }
        }
    }

    // MARK: What is refused

    @Test(arguments: [
        ("", "invalid_body"), ("[]", "invalid_body"), (#"{"events":[}"#, "invalid_body"),
        (#"{"events":[]} x"#, "invalid_body"), ("{}", "invalid_body"), (#"{"events":{}}"#, "invalid_body"),
        (#"{"events":[],"more":1}"#, "unknown_field"), (#"{"events":[],"epoch":"7"}"#, "invalid_epoch"),
        (#"{"events":[],"sequence":1}"#, "invalid_epoch"),
        (#"{"events":[],"epoch":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","sequence":0}"#, "invalid_sequence"),
        (#"{"events":[7],"epoch":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11"}"#, "invalid_sequence"),
        (
            #"{"events":[],"epoch":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","lost":[{"from":3,"to":2}]}"#,
            "invalid_lost"
        ),
    ])
    func aBodyThatIsNoBatchIsRefused(_ body: String, _ code: String) async throws {
        try await UsageTenant.run { tenant in
            let answer = try await tenant.post(Array(body.utf8))
            #expect(answer.status == 400 && answer.code == code, "\(answer.json)")
            #expect(try await tenant.service.count("usage_orgs") == 0)
        }
    }

    @Test func aBatchHasLimits() async throws {
        try await UsageTenant.run { tenant in
            let many = (0...UsageBatch.maximumEvents).map { _ in tenant.event() }
            let tooMany = try await tenant.post(tenant.body(many))
            #expect(tooMany.status == 413 && tooMany.code == "too_many_events")
            let space = [UInt8](repeating: UInt8(ascii: " "), count: UsageBatch.maximumBytes)
            let tooLarge = try await tenant.post(space + Array(#"{"events":[]}"#.utf8))
            #expect(tooLarge.status == 413 && tooLarge.code == "body_too_large")
            #expect(try await tenant.send(Array(many.dropLast())).accepted == UsageBatch.maximumEvents)
        }
    }

    @Test func gzipIsTakenAndABombIsRefused() async throws {
        try await UsageTenant.run { tenant in
            let gzipped = [HTTPField("Content-Encoding", "gzip")]
            let body = tenant.body((0..<300).map { _ in tenant.event() })
            #expect(try await tenant.post(gzip(body), gzipped).json["accepted"] == .number(300))
            let bomb = gzip([UInt8](repeating: 32, count: UsageBatch.maximumBytes + 1))
            #expect(bomb.count < 2_000)
            let refused = try await tenant.post(bomb, gzipped)
            #expect(refused.status == 413 && refused.code == "body_too_large")
            let full = Array(#"{"events":[]}"#.utf8)
            let fits = full + [UInt8](repeating: 32, count: UsageBatch.maximumBytes - full.count)
            #expect(try await tenant.post(gzip(fits), gzipped).status == 200)
            for broken in [Array(gzip(body).dropLast(9)), body, gzip(body) + [0], []] {
                let answer = try await tenant.post(broken, gzipped)
                #expect(answer.status == 400 && answer.code == "invalid_gzip", "\(answer.json)")
            }
            let other = try await tenant.post(body, [HTTPField("Content-Encoding", "br")])
            #expect(other.status == 415 && other.code == "unsupported_encoding")
        }
    }
}
