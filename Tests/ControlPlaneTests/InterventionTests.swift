import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Nothing waits for ever: what a person sees of a stuck tenant, and what can be done about it.
@Suite(.serialized) struct InterventionTests {
    private func act(
        _ cloud: TestCloud, _ action: String, body: String? = nil
    ) async throws -> TestService.Answer {
        try await cloud.service.send("POST", "/cp/admin/tenants/acme/\(action)", body: body)
    }

    private func why(_ cloud: TestCloud) async throws -> [String: JSONValue] {
        try await cloud.service.send("GET", "/cp/admin/tenants/acme/why").json
    }

    /// A tenant whose boot hangs before the stage.
    private func stuck(
        at stage: String, _ cloud: TestCloud
    ) async throws -> [String: JSONValue] {
        try await cloud.simulate(#"{"stuck_stage":"\#(stage)"}"#)
        try await cloud.signUp("acme")
        for _ in 0..<600 {
            let answer = try await why(cloud)
            let workflow = answer["workflow"]?.object ?? [:]
            // Between two looks: during one, a replica works on it.
            if workflow["stage"]?.string == "stage_\(stage)", workflow["state"] == .string("waiting") {
                return answer
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try await why(cloud)
    }

    @Test func whyTellsWhereATenantStandsAndCancelTakesItDown() async throws {
        try await TestCloud.run(["DEADLINE_STAGE_SECONDS": "20"]) { cloud in
            let answer = try await stuck(at: "redis", cloud)
            let workflow = try #require(answer["workflow"]?.object)
            #expect(workflow["kind"] == .string(ProvisionTenant.kind))
            #expect(workflow["stage"] == .string("stage_redis"))
            #expect(workflow["deadline"]?.string != nil && workflow["since"]?.string != nil)
            #expect(workflow["next_action"]?.string?.contains("stage_redis") == true)
            #expect(answer["last_report"]?.string?.hasPrefix("redis") == true)
            let call = try #require(answer["last_call"]?.object)
            #expect(call["operation"] == .string("ec2 RunInstances"))
            #expect(call["request_id"]?.string?.isEmpty == false)
            #expect(answer["suggestions"]?.array?.contains(.string("cpctl cancel acme")) == true)

            #expect(try await act(cloud, "cancel").status == 202)
            let status = try await cloud.await("acme", "failed")
            #expect(status["error"]?.object?["code"] == .string("cancelled"))
            for _ in 0..<600 where try await cloud.living() != (0, 0, 0) {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await cloud.living() == (0, 0, 0))
            for _ in 0..<600 where try await act(cloud, "cancel").code != "nothing_under_way" {
                try await Task.sleep(for: .milliseconds(100))
            }

            // And then it is launched anew.
            try await cloud.simulate(#"{"stuck_stage":null}"#)
            let retried = try await act(cloud, "retry")
            #expect(retried.status == 202, "\(retried.json)")
            try await cloud.await("acme", "running", "failed")
            #expect(try await cloud.living() == (1, 1, 1))
            let last = try await why(cloud)
            #expect(last["workflow"] == nil && last["status"] == .string("running"))
        }
    }

    @Test func aWaitNearItsDeadlineIsWarnedOfAndFailsWithTheLastThingThatHappened() async throws {
        try await TestCloud.run(["DEADLINE_STAGE_SECONDS": "5"]) { cloud in
            _ = try await stuck(at: "redis", cloud)
            var warned = false
            for _ in 0..<1_200 {
                let answer = try await why(cloud)
                if answer["workflow"]?.object?["warned_at"]?.string != nil { warned = true }
                if answer["status"] == .string("failed") { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(warned)
            let status = try await cloud.await("acme", "failed")
            let message = try #require(status["error"]?.object?["message"]?.string)
            #expect(message.contains("stage_redis") && message.contains("redis: started"), "\(message)")
        }
    }

    @Test func forceGoesOnBehindAWaitAndAsksForTheSlug() async throws {
        try await TestCloud.run(["DEADLINE_STAGE_SECONDS": "60"]) { cloud in
            _ = try await stuck(at: "complete", cloud)
            let wrong = try await act(cloud, "force", body: #"{"confirm":"other"}"#)
            #expect(wrong.status == 400)
            // The stage, and then the health that such an instance never shows.
            var forced: Set<String> = []
            for _ in 0..<600 where forced.count < 2 {
                let answer = try await act(cloud, "force", body: #"{"confirm":"acme"}"#)
                if answer.status == 202 { forced.insert(answer.json["message"]?.string ?? "") }
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(forced.contains { $0.contains("stage_complete") }, "\(forced)")
            #expect(forced.contains { $0.contains("healthy") }, "\(forced)")
            try await cloud.await("acme", "running", "failed")
            #expect(try await why(cloud)["status"] == .string("running"))
        }
    }

    @Test func aTeardownThatGaveUpIsExplainedAndBegunAnew() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let platform = cloud.service.platform
            let org = try await OrgStore(database: platform.database).require(slug: Slug("acme"))
            try await OrgStore(database: platform.database).markDeprovisioning(id: org.id)
            try await platform.database.execute(
                """
                INSERT INTO workflows (kind, subject, input, state, failure_code, last_error, finished_at)
                VALUES (\(TearDownTenant.kind), \(org.id.text), '{}', 'failed', 'retries_exhausted',
                    'the provider was away', now())
                """)
            let answer = try await why(cloud)
            #expect(answer["failure"]?.object?["message"] == .string("the provider was away"))
            #expect(answer["suggestions"] == .array([.string("cpctl retry acme")]))
            #expect(try await act(cloud, "retry").status == 202)
            for _ in 0..<600 where try await cloud.service.count("tenants") > 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await cloud.living() == (0, 0, 0))
        }
    }

    @Test func aRepairRunsTheUserDataAgain() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let begun = try await act(cloud, "repair")
            #expect(begun.status == 202, "\(begun.json)")
            let id = try #require(UUID(uuidString: begun.json["workflow_id"]?.string ?? ""))
            for _ in 0..<600 {
                let workflow = try await cloud.service.platform.engine.describe(id)
                if workflow?.state.isLive == false { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            let ended = try await cloud.service.platform.engine.describe(id)
            #expect(ended?.state == .succeeded, "\(String(describing: ended?.lastError))")
        }
    }

    @Test func anExhaustedQuotaOfTheProviderIsNamed() async throws {
        try await TestCloud.run(options: ["--maximum-tunnels", "0"]) { cloud in
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "failed")
            let error = try #require(status["error"]?.object)
            #expect(error["message"]?.string?.contains("createTunnel") == true, "\(error)")
            #expect(try await cloud.living() == (0, 0, 0))
        }
    }
}
