import CurlHTTP
import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// The workflows against the local cloud: real signatures, real tunnels and TLS, simulated instances.
@Suite(.serialized) struct ProvisioningTests {
    @Test func aSignupBecomesATenantThatAnswersOnItsHostnameAndLeavesNothingWhenDeleted() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "running", "failed")
            #expect(status["status"] == .string("running"), "\(status)")
            #expect(status["stages"]?.array?.last?.object?["stage"] == .string("complete"))
            #expect(try await cloud.living() == (1, 1, 1))
            #expect(await cloud.service.platform.fleet.isHealthyThroughEdge(slug: "acme"))

            let token = try await cloud.service.send("GET", "/cp/admin/orgs/acme/admin-token")
            #expect(token.json["admin_token"]?.string?.hasPrefix("adm_") == true)
            let diagnostics = try await cloud.service.send("GET", "/cp/admin/tenants/acme/diagnostics")
            #expect(diagnostics.json["healthy_through_edge"] == .bool(true))
            #expect(diagnostics.json["resources"]?.array?.count == 5)
            let console = try await cloud.service.send("GET", "/cp/admin/tenants/acme/console")
            #expect(console.json["output"]?.string?.isEmpty == false)

            for _ in 0..<2 {
                let deleted = try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
                #expect(deleted.status == 200)
                #expect(deleted.json["status"] == .string("purged"))
            }
            #expect(try await cloud.living() == (0, 0, 0))
            #expect(try await cloud.service.count("tenants") == 0)
            #expect(try await cloud.service.count("boot_events") == 0)
            #expect(try await cloud.service.count("resource_ledger") == 0)
            let list = try await cloud.service.send("GET", "/cp/admin/orgs")
            #expect(list.json["orgs"] == .array([]))
        }
    }

    @Test func aSlugIsFreeAgainAfterItsPurge() async throws {
        try await TestCloud.run { cloud in
            for _ in 0..<2 {
                try await cloud.signUp("acme")
                try await cloud.await("acme", "running")
                _ = try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            }
            #expect(try await cloud.living() == (0, 0, 0))
        }
    }

    @Test func aFailedStageIsExplainedAndEverythingIsTakenDown() async throws {
        try await TestCloud.run { cloud in
            try await cloud.simulate(#"{"failing_stage":"postgres","failure_code":"disk_full"}"#)
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "failed")
            let error = try #require(status["error"]?.object)
            #expect(error["code"] == .string("stage_failed"))
            #expect(error["message"]?.string?.contains("postgres") == true)
            #expect(error["message"]?.string?.contains("disk_full") == true)
            try await eventuallyNothingLives(cloud)
            let deleted = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            #expect(deleted.json["status"] == .string("purged"))
        }
    }

    @Test func aSilentInstanceFailsAtItsDeadlineWithItsConsole() async throws {
        try await TestCloud.run(["DEADLINE_ENROLMENT_SECONDS": "5"]) { cloud in
            try await cloud.simulate(#"{"silent":true}"#)
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "failed")
            let error = try #require(status["error"]?.object)
            #expect(error["code"] == .string("deadline_exceeded"))
            #expect(error["message"]?.string?.contains("enrolment") == true)
            #expect(error["message"]?.string?.contains("reported nothing") == true)
            #expect(error["console_tail"]?.string?.contains("Linux") == true)
            try await eventuallyNothingLives(cloud)
        }
    }

    @Test func anUnknownImageIsNamedAndNothingIsCreated() async throws {
        try await TestCloud.run(["IMAGE_REDIS": "tenant-redis:v9"]) { cloud in
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "failed")
            #expect(status["error"]?.object?["code"] == .string("image_not_found"))
            #expect(status["error"]?.object?["message"]?.string?.contains("tenant-redis:v9") == true)
            #expect(try await cloud.state()["instances"] == .array([]))
        }
    }

    @Test(arguments: ["docker", "enrolment", "images", "tenant"])
    func aDeleteDuringProvisioningLeavesNothing(_ stage: String) async throws {
        try await TestCloud.run { cloud in
            try await cloud.simulate(#"{"stuck_stage":"\#(stage)"}"#)
            try await cloud.signUp("acme")
            for _ in 0..<1_200 {
                let status = try await cloud.service.send("GET", "/cp/admin/orgs/acme/provision-status")
                if status.json["current_stage"] == .string(stage) { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            let deleted = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            #expect(deleted.json["status"] == .string("purged"))
            #expect(try await cloud.living() == (0, 0, 0))
        }
    }

    @Test func aDeleteRightAfterTheSignupLeavesNothing() async throws {
        try await TestCloud.run(options: ["--consistency-delay", "400"]) { cloud in
            for round in 0..<5 {
                let slug = "acme-\(round)"
                try await cloud.signUp(slug)
                try await Task.sleep(for: .milliseconds(40 * round))
                _ = try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/\(slug)", body: #"{"confirm":"\#(slug)"}"#)
            }
            try await eventuallyNothingLives(cloud)
            #expect(try await cloud.service.count("tenants") == 0)
        }
    }

    /// Every answer of RunInstances is lost, and EC2 hides the instance for longer than the setting says.
    @Test func aDeleteDuringALaunchFindsAnInstanceThatIsHiddenForLong() async throws {
        try await TestCloud.run(options: ["--consistency-delay", "6000"]) { cloud in
            let lost = #"{"service":"ec2","operation":"RunInstances","fault":"lost_reply","count":50}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(lost)]}"#)
            try await cloud.signUp("acme")
            for _ in 0..<600 where try await cloud.living().instances == 0 {
                try await Task.sleep(for: .milliseconds(20))
            }
            let deletion = Task {
                try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            }
            try await Task.sleep(for: .seconds(1))
            try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
            let deleted = try await deletion.value
            #expect(deleted.json["status"] == .string("purged"), "\(deleted.json)")
            #expect(try await cloud.living() == (0, 0, 0))
            // The one, found again by its token: the repeat launched no other.
            #expect(try await cloud.state()["instances"]?.array?.count == 1)
            #expect(try await cloud.service.count("tenants") == 0)
        }
    }

    /// The provider takes nothing: what was asked for in vain has launched nothing, and ends without it.
    @Test func aDeleteDuringALaunchThatIsRefusedEnds() async throws {
        try await TestCloud.run { cloud in
            let refused = #"{"service":"ec2","operation":"RunInstances","fault":"throttle","count":500}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(refused)]}"#)
            try await cloud.signUp("acme")
            try await eventuallyCalled("RunInstances", cloud)
            let deletion = Task {
                try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            }
            try await Task.sleep(for: .seconds(1))
            try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
            let deleted = try await deletion.value
            #expect(deleted.json["status"] == .string("purged"), "\(deleted.json)")
            #expect(try await cloud.living() == (0, 0, 0))
        }
    }

    private func eventuallyCalled(_ operation: String, _ cloud: TestCloud) async throws {
        for _ in 0..<1_200 {
            let totals = try await cloud.operate("GET", "calls")["totals"]?.object ?? [:]
            if totals["ec2"]?.object?[operation]?.number ?? 0 > 0 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(operation) was never called")
    }

    @Test func eventualConsistencyAndThrottlingDelayButDoNotBreak() async throws {
        let options = ["--consistency-delay", "500", "--throttle", "--cloudflare-throttle"]
        try await TestCloud.run(options: options) { cloud in
            for index in 0..<8 { try await cloud.signUp("org-\(index)") }
            for index in 0..<8 {
                let status = try await cloud.await("org-\(index)", "running", "failed")
                #expect(status["status"] == .string("running"), "\(status)")
            }
            #expect(try await cloud.living() == (8, 8, 8))
        }
    }

    private func eventuallyNothingLives(_ cloud: TestCloud) async throws {
        for _ in 0..<600 {
            if try await cloud.living() == (0, 0, 0) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("left in the cloud: \(try await cloud.living())")
    }
}
