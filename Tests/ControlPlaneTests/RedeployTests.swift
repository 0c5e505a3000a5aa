import CurlHTTP
import Foundation
import Testing

@testable import ControlPlane

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
            #expect(await cloud.service.platform.isHealthyThroughEdge(slug: "acme"))
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
                "{}", #"{"target_tag":"a b"}"#, #"{"target_tag":"$(id)"}"#, #"{"digest":"sha256:12"}"#,
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

    private func order(_ cloud: TestCloud, _ body: String) async throws -> TestService.Answer {
        try await cloud.service.send("POST", "/cp/admin/tenants/acme/redeploy", body: body)
    }

    private func redeploy(_ cloud: TestCloud, _ body: String) async throws -> [String: JSONValue] {
        let order = try await order(cloud, body)
        #expect(order.status == 202, "\(order.json)")
        let id = try #require(order.json["redeploy_id"]?.string)
        for _ in 0..<300 {
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
