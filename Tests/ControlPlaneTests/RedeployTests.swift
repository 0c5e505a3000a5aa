import CurlHTTP
import Foundation
import Testing

@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

@Suite(.serialized) struct RedeployTests {
    @Test func aRedeployIsFollowedToItsEnd() async throws {
        try await TestCloud.run { cloud in
            let http = cloud.service.platform.http
            let v2 = try await cloud.registry.push("molecule-tenant", tag: "v2", http)
            let broken = try await cloud.registry.push("molecule-tenant", tag: "broken", http)
            try await cloud.simulate(#"{"broken_images":["\#(broken)"]}"#)
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let before = try await digest(cloud)

            let plan = try await order(cloud, #"{"target_tag":"v2","dry_run":true}"#)
            #expect(plan.status == 200 && plan.json["would_change"] == .bool(true))
            #expect(plan.json["preflight"]?.object?["outcome"] == .string("ready"), "\(plan.json)")
            #expect(try await cloud.service.count("redeploys") == 0)

            let updated = try await redeploy(cloud, #"{"target_tag":"v2"}"#)
            #expect(updated["phase"] == .string("updated"), "\(updated)")
            #expect(updated["previous_digest"] == .string(before))
            #expect(updated["digest"] == .string(v2))
            #expect(updated["healthz_ok"] == .bool(true) && updated["ssm_status"] == .string("Success"))
            #expect(try await digest(cloud) == v2)

            let again = try await redeploy(cloud, #"{"digest":"\#(v2)"}"#)
            #expect(again["phase"] == .string("unchanged"))

            let rolledBack = try await redeploy(cloud, #"{"target_tag":"broken"}"#)
            #expect(rolledBack["phase"] == .string("rolled_back"), "\(rolledBack)")
            #expect(rolledBack["error"]?.string?.contains("previous one runs again") == true)
            #expect(rolledBack["ssm_exit_code"]?.number == 10)
            #expect(rolledBack["digest"] == .string(broken) && rolledBack["running_digest"] == .string(v2))
            #expect(try await digest(cloud) == v2)
            #expect(await cloud.service.platform.fleet.isHealthyThroughEdge(slug: "acme"))
        }
    }

    @Test func whatDoesNotExistChangesNothing() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let missing = try await order(cloud, #"{"target_tag":"nowhere"}"#)
            #expect(missing.status == 422 && missing.code == "image_not_found")
            #expect(missing.json["detail"]?.string?.contains("molecule-tenant:nowhere") == true)
            let digest = "sha256:" + String(repeating: "0", count: 64)
            #expect(try await order(cloud, #"{"digest":"\#(digest)"}"#).status == 422)
            for body in [
                #"{"target_tag":"a b"}"#, #"{"service":"kernel"}"#, #"{"drain_seconds":301}"#,
                #"{"refresh":true,"target_tag":"v1"}"#, #"{"refresh":true,"service":"redis"}"#,
                #"{"target_tag":"$(id)"}"#, #"{"digest":"sha256:12"}"#,
                #"{"target_tag":"v1","digest":"\#(digest)"}"#, #"{"target_tag":"v1","image":"x"}"#,
            ] {
                #expect(try await order(cloud, body).status == 400, "\(body)")
            }
            #expect(try await cloud.service.count("redeploys") == 0)
            #expect(try await cloud.state()["commands"] == .array([]))
        }
    }

    @Test func oneAtATimeAndTheOtherIsNamed() async throws {
        try await TestCloud.run { cloud in
            _ = try await cloud.registry.push("molecule-tenant", tag: "v2", cloud.service.platform.http)
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let answers = try await withThrowingTaskGroup(of: TestService.Answer.self) { group in
                for _ in 0..<6 { group.addTask { try await order(cloud, #"{"target_tag":"v2"}"#) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let accepted = answers.filter { $0.status == 202 }
            let refused = answers.filter { $0.status == 409 }
            #expect(accepted.count == 1 && refused.count == 5)
            #expect(refused.allSatisfy { $0.json["redeploy_id"] == accepted.first?.json["redeploy_id"] })
        }
    }

    @Test func withoutATagItIsTheImageOfTheChannelOrThePin() async throws {
        try await TestCloud.run { cloud in
            let http = cloud.service.platform.http
            let v2 = try await cloud.registry.push("molecule-tenant", tag: "v2", http)
            let v3 = try await cloud.registry.push("molecule-tenant", tag: "v3", http)
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            // The configured tag, which it runs.
            #expect(try await redeploy(cloud, "{}")["phase"] == .string("unchanged"))

            let channel = try await cloud.service.send(
                "PUT", "/cp/admin/channels/stable", body: #"{"target_tag":"v2"}"#)
            #expect(channel.json["digest"] == .string(v2) && channel.json["tenants"]?.number == 1)
            #expect(try await redeploy(cloud, "{}")["running_digest"] == .string(v2))

            let release = "/cp/admin/tenants/acme/release"
            let pinned = try await cloud.service.send("PATCH", release, body: #"{"pinned_digest":"\#(v3)"}"#)
            #expect(pinned.json["pinned_digest"] == .string(v3), "\(pinned.json)")
            #expect(try await redeploy(cloud, "{}")["running_digest"] == .string(v3))

            let gone = try await cloud.service.send(
                "PATCH", release, body: #"{"pinned_digest":"sha256:\#(String(repeating: "0", count: 64))"}"#)
            #expect(gone.status == 422 && gone.code == "image_not_found")
            let nowhere = try await cloud.service.send("PATCH", release, body: #"{"channel":"nowhere"}"#)
            #expect(nowhere.status == 422 && nowhere.code == "channel_not_found")
            let history = try await cloud.service.send("GET", "/cp/admin/tenants/acme/redeploys?limit=2")
            let digests = history.json["redeploys"]?.array?.compactMap { $0.object?["digest"]?.string }
            #expect(digests == [v3, v2])
        }
    }

    @Test func aServiceOrTheConfigurationAloneCanBeReplaced() async throws {
        try await TestCloud.run { cloud in
            let http = cloud.service.platform.http
            let redis = try await cloud.registry.push("tenant-redis", tag: "v2", http)
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let tenant = try await digest(cloud)
            let replaced = try await redeploy(cloud, #"{"service":"redis","target_tag":"v2"}"#)
            #expect(replaced["phase"] == .string("updated") && replaced["running_digest"] == .string(redis))
            let again = try await redeploy(cloud, #"{"service":"redis","target_tag":"v2"}"#)
            #expect(again["previous_digest"] == .string(redis) && again["phase"] == .string("unchanged"))
            #expect(try await digest(cloud) == tenant)
            let refreshed = try await redeploy(cloud, #"{"refresh":true}"#)
            #expect(refreshed["refresh"] == .bool(true))
            #expect(["updated", "unchanged"].contains(refreshed["phase"]?.string), "\(refreshed)")
            #expect(try await digest(cloud) == tenant)
        }
    }

    @Test func anInstanceThatNobodyReachesIsToldSo() async throws {
        try await TestCloud.run(["DEADLINE_OFFLINE_SECONDS": "3"]) { cloud in
            _ = try await cloud.registry.push("molecule-tenant", tag: "v2", cloud.service.platform.http)
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let before = try await digest(cloud)
            try await cloud.setAgent(of: "acme", "offline")
            let plan = try await order(cloud, #"{"target_tag":"v2","dry_run":true}"#)
            #expect(plan.json["preflight"]?.object?["outcome"] == .string("unreachable"))
            let failed = try await redeploy(cloud, #"{"target_tag":"v2"}"#)
            #expect(failed["phase"] == .string("failed"))
            #expect(failed["error_code"] == .string("instance_offline"))
            #expect(try await digest(cloud) == before)
            try await cloud.setAgent(of: "acme", "online")
            #expect(try await redeploy(cloud, #"{"target_tag":"v2"}"#)["phase"] == .string("updated"))
        }
    }

    private func order(_ cloud: TestCloud, _ body: String) async throws -> TestService.Answer {
        try await cloud.service.send("POST", "/cp/admin/tenants/acme/redeploy", body: body)
    }

    private func redeploy(_ cloud: TestCloud, _ body: String) async throws -> [String: JSONValue] {
        let order = try await order(cloud, body)
        #expect(order.status == 202, "\(order.json)")
        let id = try #require(order.json["redeploy_id"]?.string)
        for _ in 0..<600 {
            let answer = try await cloud.service.send("GET", "/cp/admin/tenants/acme/redeploys/\(id)")
            let phase = answer.json["phase"]?.string ?? ""
            if !["sending", "running"].contains(phase) { return answer.json }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the redeploy never ended")
        return [:]
    }

    private func digest(_ cloud: TestCloud) async throws -> String {
        try await cloud.service.send("GET", "/cp/admin/tenants/acme/diagnostics").json["image_digest"]?.string
            ?? ""
    }
}
