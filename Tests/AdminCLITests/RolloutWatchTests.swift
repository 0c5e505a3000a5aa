import Foundation
import TestSupport
import Testing

@testable import AdminCLI

/// The program against a server that answers as it was told, and breaks off where it was told.
@Suite struct RolloutWatchTests {
    private typealias Fixture = RolloutFixture
    private static let path = "/cp/admin/rollouts/\(Fixture.id)"
    private static let stream = ["Content-Type": "text/event-stream"]

    private func stream(_ body: String, breaksOff: Bool = false) -> ScriptedServer.Answer {
        .init(status: 200, headers: Self.stream, body: body, breaksOff: breaksOff)
    }

    private func end(_ sequence: Int, _ rollout: String) -> String {
        "id: \(sequence)\nevent: end\ndata: \(rollout)\n\n"
    }

    private let running = Fixture.json(waves: [.init(number: 0, outcomes: ["pending": 1])])
    private let succeeded = Fixture.json(
        state: "succeeded", waves: [.init(number: 0, outcomes: ["updated": 1])])

    @Test func goesOnBehindTheLastWholeEventOfABrokenStream() async throws {
        let half = Fixture.event(3, "soaking", wave: 0)
        let first =
            Fixture.event(1, "planned", detail: "1 tenants in 1 waves")
            + Fixture.event(2, "updated", wave: 0, slug: "acme") + half.prefix(half.count - 20)
        let watch = try await cpctl(
            ["rollout", "watch", Fixture.id],
            [
                Self.path: [answer(running)],
                Self.path + "/events": [
                    stream(first, breaksOff: true), .init(status: 503),
                    stream(half + Fixture.event(4, "succeeded") + end(4, succeeded)),
                ],
            ])
        #expect(watch.status == 0, "\(watch.output)")
        let lines = watch.output.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { $0.hasPrefix("08:20:") } == [
                "08:20:11Z  planned: 1 tenants in 1 waves", "08:20:12Z  canary  acme updated",
                "08:20:13Z  canary  soaks for 20 s", "08:20:14Z  succeeded",
            ])
        #expect(lines.contains { $0.hasPrefix("The connection broke; reconnecting.") })
        #expect(lines.contains("The connection is back."))
        #expect(lines.last == "Rollout 3f2a91c0 succeeded after 1 min 10 s: 1 updated.")
        let asked = watch.requests.filter { $0.path.hasSuffix("/events") }.map(\.lastEventID)
        #expect(asked == ["", "2", "2"])
    }

    @Test func aRolledBackRolloutEndsWithItsFailures() async throws {
        let final = Fixture.json(
            state: "rolled_back",
            waves: [
                .init(number: 0, outcomes: ["rolled_back": 1]), .init(number: 1, outcomes: ["untouched": 2]),
            ], more: ["reason_code": "rolled_back", "reason": "No tenant is left on the image."])
        let tenants = [
            Fixture.tenantJSON("acme", "rolled_back", code: "unhealthy", error: "It did not become healthy.")
        ]
        let page = "\(Self.path)/tenants?limit=\(RolloutTenants.page)&offset=0&phase="
        let answers = [
            Self.path: [answer(final)], Self.path + "/events": [stream(end(9, final))],
            page + "rolled_back": [answer(#"{"tenants":[\#(tenants[0])]}"#)],
            page + "untouched": [
                answer(#"{"tenants":[\#(Fixture.tenantJSON("bravo", "untouched", wave: 1))]}"#)
            ],
        ]
        let watch = try await cpctl(["rollout", "watch", Fixture.id], answers)
        #expect(watch.status == 1)
        #expect(
            watch.output.contains(
                "Rollout 3f2a91c0 was rolled back after 1 min 10 s: 1 rolled back, 2 untouched."))
        #expect(watch.output.contains("  acme  rolled back  It did not become healthy."))
        #expect(!watch.output.contains("bravo"))
        // The same end is what a rollback wants.
        let rollback = try await cpctl(
            ["rollout", "rollback", Fixture.id, "--follow"],
            answers.merging([Self.path + "/rollback": [answer(running, 202)]]) { $1 })
        #expect(rollback.status == 0, "\(rollback.output)")
        #expect(rollback.requests.first?.method == "POST")
    }

    @Test func asksForAPersonWhenNoVerdictIsPossible() async throws {
        let paused = Fixture.json(
            state: "paused", stage: "judging",
            waves: [.init(number: 0, outcomes: ["updated": 1], inconclusive: 1)],
            more: ["reason_code": "inconclusive", "reason": "1 tenants of wave 0 could not be judged."])
        let page = "\(Self.path)/tenants?limit=\(RolloutTenants.page)&offset=0&phase=updated"
        let tenant = Fixture.tenantJSON(
            "acme", "updated", verdict: "inconclusive", code: "no_observation", error: "It did not say.")
        let watch = try await cpctl(
            ["rollout", "watch", Fixture.id],
            [
                Self.path: [answer(running), answer(paused)], page: [answer(#"{"tenants":[\#(tenant)]}"#)],
                Self.path + "/events": [stream(Fixture.event(1, "paused"), breaksOff: true)],
            ])
        #expect(watch.status == 2, "\(watch.output)")
        #expect(watch.output.contains("  acme  not judged  It did not say."))
        #expect(watch.output.contains("cpctl rollout promote 3f2a91c0"))
    }

    /// Whoever connects late hears of pauses that are over.
    @Test func aPauseThatIsOverOrAnOperatorsEndsNothing() async throws {
        let byOperator = Fixture.json(
            state: "paused", waves: [.init(number: 0, outcomes: ["pending": 1])],
            more: ["reason_code": "paused"])
        let watch = try await cpctl(
            ["rollout", "watch", Fixture.id, "--json"],
            [
                Self.path: [answer(running), answer(running), answer(byOperator)],
                Self.path + "/events": [
                    stream(Fixture.event(1, "paused") + Fixture.event(2, "paused") + end(2, succeeded))
                ],
            ])
        #expect(watch.status == 0)
        let documents = try watch.output.split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        #expect(documents.map { $0?["event"] as? String } == ["paused", "paused", nil])
        #expect(documents.last??["state"] as? String == "succeeded")
    }

    @Test func aBeginningIsResolvedAndAnAmbiguousOneIsNot() async throws {
        let list = "/cp/admin/rollouts?limit=200"
        let other = "3f2a91c0-9999-4222-8333-444455556666"
        let one = #"{"rollouts":[{"id":"\#(Fixture.id)"}]}"#
        let two = #"{"rollouts":[{"id":"\#(Fixture.id)"},{"id":"\#(other)"}]}"#
        let paused = try await cpctl(
            ["rollout", "pause", "3F2A91C0"],
            [list: [answer(one)], Self.path + "/pause": [answer(running, 202)]])
        #expect(paused.status == 0, "\(paused.output)")
        #expect(paused.output.contains("Rollout 3f2a91c0 is paused in canary"))
        let ambiguous = try await cpctl(["rollout", "abort", "3f2a91c0"], [list: [answer(two)]])
        #expect(
            ambiguous.status == 1 && ambiguous.output.contains("ambiguous")
                && ambiguous.output.contains(other))
        #expect(ambiguous.requests.allSatisfy { $0.method == "GET" })
        let short = try await cpctl(["rollout", "abort", "3f2a"], [:])
        #expect(short.status == 1 && short.output.contains("too short") && short.requests.isEmpty)
        let latest = try await cpctl(
            ["rollout", "promote", "latest"],
            ["/cp/admin/rollouts?limit=1": [answer(one)], Self.path + "/promote": [answer(running, 202)]])
        #expect(latest.status == 0)
    }

    @Test func aStartIsFollowedAndARefusalNamesWhatStandsInTheWay() async throws {
        let started = try await cpctl(
            ["rollout", "start", "--tag", "v2", "--soak", "20", "--follow"],
            [
                "/cp/admin/rollouts": [answer(running, 202)], Self.path: [answer(running)],
                Self.path + "/events": [stream(end(1, succeeded))],
            ])
        #expect(started.status == 0, "\(started.output)")
        #expect(started.output.contains("Rollout \(Fixture.id) has begun"))
        #expect(
            started.requests.first?.body == #"{"soak_seconds":20,"target_tag":"v2"}"#
                || started.requests.first?.body == #"{"target_tag":"v2","soak_seconds":20}"#)
        let problem = """
            {"status":409,"code":"rollout_in_progress","detail":"acme is in a rollout that has not ended.",
            "rollout_id":"\(Fixture.id)","request_id":"r-1"}
            """
        let refused = try await cpctl(
            ["rollout", "start"], ["/cp/admin/rollouts": [answer(problem, 409)]])
        #expect(refused.status == 1)
        #expect(refused.output.contains("cpctl rollout abort 3f2a91c0"))
    }
}
