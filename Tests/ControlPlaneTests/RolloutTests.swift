import CurlHTTP
import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Rollouts over simulated instances, with the real engine, registry and SSM calls.
@Suite(.serialized) struct RolloutTests {
    private let five = ["canary", "alpha", "bravo", "charlie", "delta"]

    @Test func aRolloutGoesThroughItsWavesAndTellsWhatItDid() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(five + ["pinned", "out", "paused"])
            let before = try await cloud.runningDigests()
            let pin = try #require(before["pinned"])
            for (slug, release) in [
                ("pinned", #"{"pinned_digest":"\#(pin)"}"#), ("out", #"{"opted_out":true}"#),
                ("paused", #"{"maintenance_seconds":3600}"#),
            ] {
                let answer = try await cloud.service.send(
                    "PATCH", "/cp/admin/tenants/\(slug)/release", body: release)
                #expect(answer.status == 200, "\(answer.json)")
            }
            let body = """
                {"target_tag":"v2","channel":"stable","canary_slugs":["canary"],"soak_seconds":1,\
                "waves":[50,100],"batch_size":2
                """
            let plan = try await cloud.order(body + #","dry_run":true}"#)
            #expect(plan.status == 200 && plan.json["total"]?.number == 5)
            let sizes = plan.json["waves"]?.array?.map { $0.object?["slugs"]?.array?.count }
            #expect(sizes == [1, 2, 2])
            #expect(try await cloud.service.count("rollouts") == 0)

            let id = try await cloud.begin(body + "}")
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("succeeded"), "\(end)")
            #expect(end["outcomes"]?.object == ["updated": .number(5), "skipped": .number(3)])
            let running = try await cloud.runningDigests()
            #expect(five.allSatisfy { running[$0] == v2 })
            #expect(["pinned", "out", "paused"].allSatisfy { running[$0] == before[$0] })
            #expect(try await cloud.tenant("pinned", of: id)["error_code"] == .string("pinned"))
            #expect(try await cloud.tenant("out", of: id)["error_code"] == .string("opted_out"))
            #expect(try await cloud.tenant("paused", of: id)["error_code"] == .string("maintenance"))
            let alpha = try await cloud.tenant("alpha", of: id)
            #expect(alpha["digest_before"] == .string(pin) && alpha["digest_after"] == .string(v2))
            #expect(alpha["ssm_status"] == .string("Success") && alpha["healthz_ok"] == .bool(true))
            // Its channel stands for the image now.
            let channels = try await cloud.service.send("GET", "/cp/admin/channels").json["channels"]?.array
            #expect(channels?.contains { $0.object?["digest"] == .string(v2) } == true)
            try await expectEvents(cloud, id)
            // Again: everybody runs it already.
            let again = try await cloud.await(rollout: try await cloud.begin(body + "}"), "ended")
            #expect(again["state"] == .string("succeeded"))
            #expect(again["outcomes"]?.object == ["skipped": .number(8)])
        }
    }

    private func expectEvents(_ cloud: TestCloud, _ id: String) async throws {
        let url = cloud.service.url + "/cp/admin/rollouts/\(id)/events"
        func stream(after last: Int?) async throws -> [String] {
            var request = HTTPRequest("GET", url)
            request.headers = [HTTPField("Authorization", "Bearer test-admin-token-0123456789abcdef")]
            if let last { request.headers.append(HTTPField("Last-Event-ID", "\(last)")) }
            return try await cloud.service.platform.http.send(request).text.split(separator: "\n")
                .map(String.init)
        }
        let lines = try await stream(after: nil)
        let names = lines.filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
        #expect(names.first == "planned" && names.last == "end" && names.contains("succeeded"))
        #expect(names.filter { $0 == "updated" }.count == 5)
        #expect(names.filter { $0 == "soaking" }.count == 1)
        let ids = lines.filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
        #expect(ids == ids.sorted())
        // A client that connects again goes on behind what it has.
        let rest = try await stream(after: ids[2]).filter { $0.hasPrefix("id: ") }
        #expect(rest.count == ids.count - 3)
    }

    @Test func aBadImageStopsAtTheCanary() async throws {
        try await TestCloud.run { cloud in
            let bad = try await cloud.push("v2")
            try await cloud.simulate(#"{"broken_images":["\#(bad)"]}"#)
            try await cloud.signUp(["canary", "alpha", "bravo"])
            let before = try await cloud.runningDigests()
            let id = try await cloud.begin(
                #"{"target_tag":"v2","canary_slugs":["canary"],"soak_seconds":0,"max_failures":10}"#)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("rolled_back"), "\(end)")
            #expect(
                try await cloud.phases(id)
                    == ["canary": "rolled_back", "alpha": "untouched", "bravo": "untouched"])
            #expect(try await cloud.tenant("canary", of: id)["ssm_exit_code"]?.number == 10)
            #expect(try await cloud.runningDigests() == before)
            #expect(try await cloud.commands(on: "alpha") == 0)
        }
    }

    @Test func whatFailsInALaterWaveIsUndoneOnceAndNotTwice() async throws {
        try await TestCloud.run { cloud in
            let bad = try await cloud.push("v2")
            try await cloud.signUp(five)
            let before = try await cloud.runningDigests()
            try await cloud.simulate(
                #"{"rules":[{"image":"\#(bad)","slugs":["charlie","delta"],"fault":"broken"}]}"#)
            let body = """
                {"target_tag":"v2","canary_slugs":["canary"],"soak_seconds":0,"waves":[50,100],\
                "rollback":"all"
                """
            let id = try await cloud.begin(body + "}")
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("rolled_back"), "\(end)")
            #expect(try await cloud.runningDigests() == before)
            let phases = try await cloud.phases(id)
            #expect(Set(phases.values) == ["rolled_back"], "\(phases)")
            let rows = try await cloud.service.platform.database.query(
                "SELECT count(*)::int AS n FROM redeploys WHERE finished_at IS NULL")
            #expect(try rows[0]["n", as: Int.self] == 0)

            // The same image again needs a person who insists...
            let refused = try await cloud.order(body + "}")
            #expect(refused.status == 409 && refused.code == "image_was_rolled_back")
            #expect(refused.json["rollout_id"] == .string(id))
            // ...and is not undone by itself a second time.
            let forced = try await cloud.begin(body + #","force":true}"#)
            let second = try await cloud.await(rollout: forced, "ended")
            #expect(second["state"] == .string("failed"), "\(second)")
            #expect(second["reason_code"] == .string("rollback_refused"))
            let running = try await cloud.runningDigests()
            #expect(running["canary"] == bad && running["delta"] == before["delta"])
            // A person undoes it.
            #expect(try await cloud.tell(forced, "rollback").status == 202)
            #expect(try await cloud.await(rollout: forced, "ended")["state"] == .string("rolled_back"))
            #expect(try await cloud.runningDigests() == before)
        }
    }

    @Test func failuresWithinTheBudgetAreBorneAndTold() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(five)
            try await cloud.simulate(
                """
                {"rules":[{"image":"\(v2)","slugs":["alpha"],"fault":"broken"},
                {"image":"\(v2)","slugs":["bravo"],"fault":"schema_mismatch"},
                {"image":"\(v2)","slugs":["charlie"],"fault":"no_report"}]}
                """)
            let id = try await cloud.begin(#"{"target_tag":"v2","waves":[100],"max_failures":3}"#)
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("incomplete"), "\(end)")
            #expect(
                try await cloud.phases(id) == [
                    "canary": "updated", "alpha": "rolled_back", "bravo": "failed", "charlie": "failed",
                    "delta": "updated",
                ])
            #expect(try await cloud.tenant("bravo", of: id)["error_code"] == .string("schema_mismatch"))
            #expect(try await cloud.tenant("charlie", of: id)["error_code"] == .string("no_report"))
        }
    }

    @Test func whoIsOfflineIsTriedAgainAndThenReported() async throws {
        try await TestCloud.run { cloud in
            let v2 = try await cloud.push("v2")
            try await cloud.signUp(["alpha", "bravo", "charlie"])
            try await cloud.setAgent(of: "alpha", "offline")
            try await cloud.setAgent(of: "bravo", "offline")
            let before = try await cloud.runningDigests()
            let id = try await cloud.begin(#"{"target_tag":"v2","waves":[100],"offline_seconds":45}"#)
            for _ in 0..<600 where try await cloud.phases(id)["charlie"] != "updated" {
                try await Task.sleep(for: .milliseconds(100))
            }
            try await cloud.setAgent(of: "alpha", "online")
            let end = try await cloud.await(rollout: id, "ended")
            #expect(end["state"] == .string("incomplete"), "\(end)")
            #expect(
                try await cloud.phases(id)
                    == ["alpha": "updated", "bravo": "untouched", "charlie": "updated"])
            #expect(try await cloud.tenant("bravo", of: id)["error_code"] == .string("instance_offline"))
            let running = try await cloud.runningDigests()
            #expect(running["alpha"] == v2 && running["bravo"] == before["bravo"])
        }
    }
}
