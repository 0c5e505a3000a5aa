import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What a person may say to a rollout, and what two of them may not do at once.
@Suite(.serialized) struct RolloutControlTests {
    private let three = ["canary", "alpha", "bravo"]
    private let order =
        #"{"target_tag":"v2","canary_slugs":["canary"],"soak_seconds":600,"waves":[50,100]}"#

    @Test func pauseHoldsResumeGoesOnAndPromoteEndsTheSoak() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            let id = try await cloud.begin(order)
            let soaking = try await cloud.await(rollout: id, "soaking")
            #expect(soaking["wave"]?.number == 0 && soaking["soak_until"]?.string != nil)
            #expect(try await cloud.tell(id, "resume").status == 409)
            #expect(try await cloud.tell(id, "pause").json["state"] == .string("paused"))
            #expect(try await cloud.tell(id, "pause").status == 409)
            try await Task.sleep(for: .seconds(2))
            #expect(try await cloud.phases(id)["alpha"] == "pending")
            #expect(try await cloud.tell(id, "promote").status == 202)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("succeeded"), "\(end)")
            #expect(try await Set(cloud.runningDigests().values) == [v2])
            for action in ["pause", "resume", "abort", "promote"] {
                let answer = try await cloud.tell(id, action)
                #expect(answer.status == 409 && answer.json["state"] == .string("succeeded"), "\(action)")
            }
        }
    }

    /// Ten minutes of pause take nothing from the soak.
    @Test func aPausedSoakKeepsWhatItHasLeft() async throws {
        try await TestCloud.run { cloud in
            _ = try await cloud.push("v2")
            try await cloud.signUp(three)
            let id = try await cloud.begin(order)
            let soaking = try await cloud.await(rollout: id, "soaking")
            let before = try #require(soaking["soak_until"]?.string.flatMap(date))
            #expect(try await cloud.tell(id, "pause").status == 202)
            try await cloud.service.platform.database.execute(
                "UPDATE rollout_events SET at = at - interval '10 minutes' WHERE event = 'paused'")
            let resumed = try await cloud.tell(id, "resume").json
            let after = try #require(resumed["soak_until"]?.string.flatMap(date))
            #expect((600..<660).contains(after.timeIntervalSince(before)))
            #expect(try await cloud.tell(id, "abort").status == 202)
            try await cloud.await(rollout: id, "ended")
        }
    }

    private func date(_ text: String) -> Date? {
        try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    @Test func abortLeavesWhatHasNotBegunUntouched() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            let id = try await cloud.begin(order)
            try await cloud.await(rollout: id, "soaking")
            #expect(try await cloud.tell(id, "abort").status == 202)
            #expect(try await cloud.await(rollout: id, "ended")["state"] == .string("aborted"))
            #expect(
                try await cloud.phases(id)
                    == ["canary": "updated", "alpha": "untouched", "bravo": "untouched"])
            #expect(try await cloud.runningDigests()["canary"] == v2)
            // Its tenants are free for another one.
            let next = try await cloud.begin(#"{"target_tag":"v2","waves":[100]}"#)
            #expect(try await cloud.await(rollout: next, "ended")["state"] == .string("succeeded"))
        }
    }

    @Test func rollbackBringsBackWhatARunningRolloutHasUpdated() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            let before = try await cloud.runningDigests()
            let id = try await cloud.begin(order)
            try await cloud.await(rollout: id, "soaking")
            #expect(try await cloud.runningDigests()["canary"] == v2)
            #expect(try await cloud.tell(id, "rollback").status == 202)
            #expect(try await cloud.await(rollout: id, "ended")["state"] == .string("rolled_back"))
            #expect(try await cloud.runningDigests() == before)
            #expect(
                try await cloud.phases(id)
                    == ["canary": "rolled_back", "alpha": "untouched", "bravo": "untouched"])
            #expect(try await cloud.tell(id, "rollback").status == 409)
            #expect(
                try await recorded(of: id, in: cloud) == [
                    "rollout.roll_back_ordered operator", "rollout.rolling_back workflow",
                    "rollout.rolled_back workflow",
                ])
        }
    }

    /// The audit log's changes of a rollout that has begun, in their order, each with who made it.
    private func recorded(of id: String, in cloud: TestCloud) async throws -> [String] {
        try await cloud.service.platform.database.query(
            """
            SELECT action || ' ' || actor_kind AS line FROM audit.entries
            WHERE subject = \(id) AND before <> '{}' ORDER BY id
            """
        ).map { try $0["line", as: String.self] }
    }

    @Test func aTenantIsInOneRolloutAtATimeAndRedeployedOnceAtATime() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            try await cloud.simulate(#"{"rules":[{"slugs":["canary"],"redeploy_ms":15000}]}"#)
            let answers = try await withThrowingTaskGroup(of: TestService.Answer.self) { group in
                for _ in 0..<4 { group.addTask { try await cloud.order(order) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let id = try #require(answers.first { $0.status == 202 }?.json["id"]?.string)
            let refused = answers.filter { $0.status == 409 }
            #expect(refused.count == 3 && refused.allSatisfy { $0.code == "rollout_in_progress" })
            #expect(refused.allSatisfy { $0.json["rollout_id"] == .string(id) })

            for _ in 0..<1_200 where try await cloud.phases(id)["canary"] != "updating" {
                try await Task.sleep(for: .milliseconds(50))
            }
            try await Task.sleep(for: .milliseconds(500))
            let single = try await cloud.service.send(
                "POST", "/cp/admin/tenants/canary/redeploy", body: #"{"target_tag":"v1"}"#)
            #expect(single.status == 409 && single.code == "redeploy_in_progress", "\(single.json)")
            #expect(single.json["rollout_id"] == .string(id))
            try await cloud.await(rollout: id, "soaking")
            #expect(try await cloud.runningDigests()["canary"] == v2)
            try await cloud.tell(id, "abort")
            try await cloud.await(rollout: id, "ended")
        }
    }

    @Test func aTenantThatSomebodyElseRedeploysIsWaitedFor() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            _ = try await cloud.push("v3")
            try await cloud.signUp(["alpha"])
            try await cloud.simulate(#"{"rules":[{"redeploy_ms":3000}]}"#)
            let single = try await cloud.service.send(
                "POST", "/cp/admin/tenants/alpha/redeploy", body: #"{"target_tag":"v3"}"#)
            #expect(single.status == 202)
            let id = try await cloud.begin(#"{"target_tag":"v2","waves":[100]}"#)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("succeeded"), "\(end)")
            #expect(try await cloud.runningDigests()["alpha"] == v2)
        }
    }

    @Test func whatCannotBeJudgedPausesUntilAPersonDecides() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            func traffic(_ since: Int) async throws {
                let before = #""before":{"requests":1000,"errors":1,"p95_ms":20}"#
                let now = #""since":{"requests":\#(since),"errors":0,"p95_ms":20}"#
                try await cloud.simulate(#"{"rules":[{"image":"\#(v2)",\#(before),\#(now)}]}"#)
            }
            try await traffic(2)
            let body = #"{"target_tag":"v2","canary_slugs":["canary"],"soak_seconds":1,"waves":[100]}"#
            let id = try await cloud.begin(body)
            let paused = try await cloud.await(rollout: id, "paused")
            #expect(paused["reason_code"] == .string("inconclusive"), "\(paused)")
            #expect(try await cloud.tenant("canary", of: id)["verdict"] == .string("inconclusive"))
            // Resumed without more to see, it pauses again; with traffic there is a verdict.
            #expect(try await cloud.tell(id, "resume").status == 202)
            try await Task.sleep(for: .seconds(1))
            try await cloud.await(rollout: id, "paused")
            try await traffic(500)
            try await cloud.tell(id, "resume")
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("succeeded"), "\(end)")
            let changes = try await recorded(of: id, in: cloud)
            #expect(
                changes.first == "rollout.paused workflow" && changes.last == "rollout.succeeded workflow"
                    && changes.count { $0 == "rollout.running operator" } == 2, "\(changes)")
        }
    }

    @Test func anImageThatFadesDuringItsSoakIsUndone() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(three)
            let before = try await cloud.runningDigests()
            try await cloud.simulate(
                #"{"rules":[{"image":"\#(v2)","since":{"requests":900,"errors":90,"p95_ms":20}}]}"#)
            let body = #"{"target_tag":"v2","canary_slugs":["canary"],"soak_seconds":1,"waves":[100]}"#
            let id = try await cloud.begin(body)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("rolled_back"), "\(end)")
            #expect(try await cloud.runningDigests() == before)
            #expect(try await cloud.commands(on: "alpha") == 0)
        }
    }

    @Test func aConfigurationIsFetchedAnewByTheWholeFleet() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp(three)
            let before = try await cloud.runningDigests()
            let id = try await cloud.begin(#"{"refresh":true,"waves":[100]}"#)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("succeeded") && end["refresh"] == .bool(true), "\(end)")
            #expect(try await cloud.runningDigests() == before)
            #expect(try await cloud.tell(id, "rollback").code == "nothing_to_roll_back")
        }
    }
}

/// The one request that waits for the end, as an existing client sends it.
@Suite(.serialized) struct FleetRedeployTests {
    @Test func theRequestAnswersWhenTheFleetIsThrough() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            let bad = try await cloud.push("v3")
            try await cloud.signUp(["canary", "alpha", "bravo"])
            try await cloud.simulate(#"{"broken_images":["\#(bad)"]}"#)
            func redeploy(_ body: String) async throws -> TestService.Answer {
                try await cloud.service.send("POST", "/cp/admin/tenants/redeploy-fleet", body: body)
            }
            let body = #""canary_slug":"canary","soak_seconds":0,"batch_size":1"#
            let plan = try await redeploy(#"{"target_tag":"v2","dry_run":true,\#(body)}"#)
            #expect(plan.json["ok"] == .bool(true) && plan.json["results"]?.array?.count == 3)
            #expect(try await cloud.service.count("rollouts") == 0)

            let done = try await redeploy(#"{"target_tag":"v2","dry_run":false,\#(body)}"#)
            #expect(done.status == 200 && done.json["ok"] == .bool(true), "\(done.json)")
            let results = done.json["results"]?.array?.compactMap(\.object) ?? []
            #expect(results.map { $0["slug"]?.string } == ["canary", "alpha", "bravo"])
            for result in results {
                #expect(result["phase"] == .string("updated") && result["error"] == .null)
                #expect(result["ssm_status"] == .string("Success") && result["ssm_exit_code"]?.number == 0)
                #expect(result["healthz_ok"] == .bool(true))
            }
            #expect(try await Set(cloud.runningDigests().values) == [v2])

            let failed = try await redeploy(#"{"target_tag":"v3",\#(body)}"#)
            #expect(failed.status == 200 && failed.json["ok"] == .bool(false), "\(failed.json)")
            let phases = failed.json["results"]?.array?.map { $0.object?["phase"]?.string }
            #expect(phases == ["rolled_back", "untouched", "untouched"])
            #expect(try await redeploy(#"{"target_tag":"v2","canary_slug":"nobody"}"#).status == 422)
            #expect(try await redeploy(#"{"target_tag":"v2","colour":"red"}"#).code == "unknown_field")
        }
    }
}
