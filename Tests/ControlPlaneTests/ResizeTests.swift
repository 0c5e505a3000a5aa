import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// Another type for a tenant's instance, against the local cloud: with the plan, and by a person's order.
@Suite struct ResizeTests {
    private static let path = "/cp/admin/tenants/acme/instance-type"
    private static let plans = """
        [{"name":"free","cents":0},{"name":"starter","cents":2900,"lookup_key":"starter_monthly"},
        {"name":"pro","cents":9900,"lookup_key":"pro_monthly","instance_type":"t3.large"}]
        """

    /// One that opens in some hours.
    private static var closed: String {
        let hour = (Int(Date().timeIntervalSince1970) / 3_600 + 6) % 24
        let padded = hour < 10 ? "0\(hour)" : "\(hour)"
        return "\(padded):00-\(padded):30"
    }

    private static func run(
        _ settings: [String: String] = [:], _ body: @Sendable @escaping (TestCloud) async throws -> Void
    ) async throws {
        let base = ["MAINTENANCE_WINDOW": "always", "PLANS": plans]
        try await TestCloud.run(base.merging(settings) { $1 }, body)
    }

    private static func launch(_ cloud: TestCloud) async throws {
        try await cloud.signUp("acme")
        try await cloud.await("acme", "running")
    }

    // MARK: The plan

    @Test func theInstanceFollowsThePlanWhenTheWindowOpens() async throws {
        try await Self.run(["MAINTENANCE_WINDOW": Self.closed]) { cloud in
            let (payer, _, subscription) = try await Payer.running(cloud)
            let before = try await cloud.instance()
            #expect(before.type == "t3.medium")
            try await payer.change(subscription, to: "pro_monthly")
            try await eventually("the order") { try await cloud.resize()["phase"]?.string == "waiting" }
            let shown = try await cloud.service.send("GET", Self.path).json
            #expect(shown["plan_instance_type"] == .string("t3.large") && shown["begins_at"]?.string != nil)
            #expect(shown["instance_type"] == .string("t3.medium"))
            let why = try await cloud.service.send("GET", "/cp/admin/tenants/acme/why").json
            #expect(why["workflow"]?.object?["kind"] == .string(ResizeTenant.kind))

            // The window is the only thing that a person declares over.
            let forced = try await cloud.service.send(
                "POST", "/cp/admin/tenants/acme/force", body: #"{"confirm":"acme"}"#)
            #expect(forced.status == 202, "\(forced.json)")
            try await cloud.awaitResize("changed")
            let after = try await cloud.instance()
            #expect(after.id == before.id && after.type == "t3.large" && after.state == "running")
            #expect(try await cloud.living() == (1, 1, 1))
            #expect(try await cloud.service.count("tenants WHERE vcpus = 2 AND resize_id IS NULL") == 1)
            let health = try await cloud.service.send("GET", "/cp/admin/tenants/acme/diagnostics").json
            #expect(health["healthy_through_edge"] == .bool(true))
            let audit = try await cloud.service.send("GET", "/cp/admin/audit?org=acme&action=tenant")
            let actions = audit.json["entries"]?.array?.compactMap { $0.object?["action"]?.string }
                .filter { $0.hasPrefix("tenant.resize") }
            #expect(actions == ["tenant.resize_ended", "tenant.resize_begun"])
            #expect(try await cloud.reconcile().isEmpty, "the changed type is no drift")
        }
    }

    @Test func aPlanThatGoesBackBeforeTheWindowLeavesTheInstanceAlone() async throws {
        try await Self.run(["MAINTENANCE_WINDOW": Self.closed]) { cloud in
            let (payer, _, subscription) = try await Payer.running(cloud)
            try await payer.change(subscription, to: "pro_monthly")
            try await eventually("the order") { try await cloud.resize()["phase"]?.string == "waiting" }
            try await payer.change(subscription, to: "starter_monthly")
            try await cloud.awaitResize("unchanged")
            #expect(try await cloud.instance().type == "t3.medium")
            #expect(try await cloud.calls("StopInstances") == 0)
        }
    }

    @Test func whatAPlanWantsIsTriedInThreeWindowsAndTheTenantRunsMeanwhile() async throws {
        try await Self.run { cloud in
            let (payer, _, subscription) = try await Payer.running(cloud)
            // Every first start of a round is refused, and every way back is not.
            try await cloud.fail("StartInstances", "no_capacity", times: 1)
            try await payer.change(subscription, to: "pro_monthly")
            for tries in 1...2 {
                try await eventually("try \(tries)") {
                    let resize = try await cloud.resize()
                    return resize["failures"]?.number == tries && resize["phase"]?.string == "waiting"
                }
                let instance = try await cloud.instance()
                #expect(instance.type == "t3.medium" && instance.state == "running")
                #expect(try await cloud.resize()["error_code"] == .string("no_capacity"))
                try await cloud.fail("StartInstances", "no_capacity", times: 1)
                // The next window.
                try await cloud.service.platform.database.execute(
                    "UPDATE resizes SET not_before = now()")
                #expect(
                    try await cloud.service.send("POST", "/cp/admin/tenants/acme/retry", body: "{}").status
                        == 202)
            }
            try await cloud.awaitResize("kept")
            #expect(try await cloud.resize()["failures"]?.number == 3)
            #expect(try await cloud.instance().type == "t3.medium")
        }
    }

    // MARK: A person

    @Test func anOrderGivesAnotherTypeAtOnceAndADryRunDoesNothing() async throws {
        try await Self.run(["MAINTENANCE_WINDOW": Self.closed]) { cloud in
            try await Self.launch(cloud)
            let dry = try await cloud.orderType(#"{"instance_type":"t3.xlarge","dry_run":true}"#)
            #expect(dry.status == 200 && dry.json["would_change"] == .bool(true))
            #expect(dry.json["begins_at"]?.string != nil)
            #expect(try await cloud.service.count("resizes") == 0)
            let same = try await cloud.orderType("{}")
            #expect(same.status == 200 && same.json["resize"] == nil, "it has its plan's type")

            let ordered = try await cloud.orderType(#"{"instance_type":"t3.xlarge","now":true}"#)
            #expect(ordered.status == 202, "\(ordered.json)")
            try await cloud.awaitResize("changed")
            #expect(try await cloud.instance().type == "t3.xlarge")
            #expect(try await cloud.service.count("tenants WHERE vcpus = 4") == 1)
            // Back to what the plan says.
            #expect(try await cloud.orderType(#"{"now":true}"#).status == 202)
            try await eventually("its plan's type") {
                let phase = try await cloud.resize()["phase"]
                return try await cloud.instance().type == "t3.medium" && phase == .string("changed")
            }
            #expect(try await cloud.service.count("tenants WHERE vcpus = 2") == 1)
            let export = try await cloud.service.send("GET", "/cp/admin/orgs/acme/export").json
            #expect(export["resizes"]?.array?.count == 2)
        }
    }

    @Test func aTypeThatDoesNotComeUpIsTakenBack() async throws {
        try await Self.run { cloud in
            try await Self.launch(cloud)
            for (type, code) in [("t9.huge", "provider_refused"), ("t3.large", "no_capacity")] {
                if code == "no_capacity" { try await cloud.fail("StartInstances", "no_capacity", times: 1) }
                #expect(try await cloud.orderType(#"{"instance_type":"\#(type)"}"#).status == 202)
                try await eventually("the way back from \(type)") {
                    let resize = try await cloud.resize()
                    return resize["phase"] == .string("kept") && resize["to_type"] == .string(type)
                }
                #expect(try await cloud.resize()["error_code"] == .string(code))
                let instance = try await cloud.instance()
                #expect(instance.type == "t3.medium" && instance.state == "running")
                #expect(try await cloud.service.count("tenants WHERE vcpus = 2 AND resize_id IS NULL") == 1)
            }
            let why = try await cloud.service.send("GET", "/cp/admin/tenants/acme/why").json
            #expect(why["last_call"]?.object?["operation"] == .string("ec2 StartInstances"))
        }
    }

    @Test func whatDoesNotFitIsRefusedBeforeAnythingIsStopped() async throws {
        try await Self.run(["EC2_MAXIMUM_VCPUS": "3"]) { cloud in
            try await Self.launch(cloud)
            #expect(try await cloud.orderType(#"{"instance_type":"t3.xlarge"}"#).status == 202)
            try await cloud.awaitResize("kept")
            #expect(try await cloud.resize()["error_code"] == .string("no_capacity"))
            #expect(try await cloud.calls("StopInstances") == 0)
            for body in [
                #"{"instance_type":"huge"}"#, #"{"instance_type":"T3.large"}"#, #"{"type":"t3.large"}"#,
            ] {
                #expect(try await cloud.orderType(body).status == 400)
            }
            let nobody = "/cp/admin/tenants/nobody/instance-type"
            #expect(try await cloud.service.send("GET", nobody).status == 404)
        }
    }

    // MARK: Nothing else meanwhile

    @Test func nothingElseTouchesAnInstanceThatIsBeingChanged() async throws {
        try await Self.run(["RECONCILE_INTERVAL_SECONDS": "0", "PROVIDER_VISIBILITY_SECONDS": "0"]) { cloud in
            try await Self.launch(cloud)
            // It stays stopped for a while.
            try await cloud.fail("ModifyInstanceAttribute", "status_503", times: 4)
            #expect(try await cloud.orderType(#"{"instance_type":"t3.large"}"#).status == 202)
            try await eventually("it is stopped") { try await cloud.instance().state == "stopped" }
            let tenant = "/cp/admin/tenants/acme"
            for (path, body) in [
                ("redeploy", #"{"target_tag":"v1"}"#), ("repair", "{}"), ("cancel", "{}"),
                ("force", #"{"confirm":"acme"}"#),
            ] {
                let answer = try await cloud.service.send("POST", "\(tenant)/\(path)", body: body)
                #expect(
                    answer.status == 409 && answer.code == "resize_in_progress", "\(path): \(answer.json)")
            }
            #expect(try await cloud.reconcile().isEmpty, "it is stopped on purpose")
            try await cloud.awaitResize("changed")
            let redeploy = try await cloud.service.send(
                "POST", "\(tenant)/redeploy", body: #"{"target_tag":"v1"}"#)
            #expect(redeploy.status == 202, "\(redeploy.json)")
        }
    }

    @Test func aChangeWaitsForAPersonsMaintenanceAndCanBeTakenBack() async throws {
        try await Self.run { cloud in
            try await Self.launch(cloud)
            let release = "/cp/admin/tenants/acme/release"
            let kept = try await cloud.service.send("PATCH", release, body: #"{"maintenance_seconds":600}"#)
            #expect(kept.status == 200)
            #expect(try await cloud.orderType(#"{"instance_type":"t3.large","now":true}"#).status == 202)
            let cancelled = try await cloud.service.send(
                "POST", "/cp/admin/tenants/acme/cancel", body: "{}")
            #expect(cancelled.status == 202, "\(cancelled.json)")
            try await cloud.awaitResize("cancelled")
            #expect(try await cloud.calls("StopInstances") == 0)
        }
    }

    @Test func aNewerOrderIsHeardWhileTheInstanceIsBeingChanged() async throws {
        try await Self.run { cloud in
            try await Self.launch(cloud)
            try await cloud.fail("ModifyInstanceAttribute", "status_503", times: 3)
            #expect(try await cloud.orderType(#"{"instance_type":"t3.large"}"#).status == 202)
            try await eventually("it is stopped") { try await cloud.instance().state == "stopped" }
            #expect(try await cloud.orderType(#"{"instance_type":"t3.xlarge"}"#).status == 202)
            try await cloud.awaitResize("changed")
            #expect(try await cloud.instance().type == "t3.xlarge")
            #expect(try await cloud.service.count("resizes") == 1)
        }
    }

    @Test func aDeleteEndsAChange() async throws {
        try await Self.run { cloud in
            try await Self.launch(cloud)
            try await cloud.fail("ModifyInstanceAttribute", "status_503", times: 50)
            #expect(try await cloud.orderType(#"{"instance_type":"t3.large"}"#).status == 202)
            try await eventually("it is stopped") { try await cloud.instance().state == "stopped" }
            let deleted = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            #expect(deleted.json["status"] == .string("purged"), "\(deleted.json)")
            #expect(try await cloud.living() == (0, 0, 0))
            #expect(try await cloud.service.count("resizes") == 0)
        }
    }
}

extension TestCloud {
    fileprivate func orderType(_ body: String) async throws -> TestService.Answer {
        try await service.send("POST", "/cp/admin/tenants/acme/instance-type", body: body)
    }

    /// The last that was ordered.
    fileprivate func resize() async throws -> [String: JSONValue] {
        try await service.send("GET", "/cp/admin/tenants/acme/instance-type").json["resize"]?.object ?? [:]
    }

    fileprivate func awaitResize(_ phase: String) async throws {
        var last: [String: JSONValue] = [:]
        do {
            try await eventually("the phase \(phase)") {
                last = try await resize()
                return last["phase"] == .string(phase)
            }
        } catch {
            Issue.record("\(error): \(last)")
        }
    }

    /// The one that is not terminated.
    fileprivate func instance() async throws -> (id: String, type: String, state: String) {
        let living = try await state()["instances"]?.array?.compactMap(\.object)
            .filter { $0["state"]?.string != "terminated" }
        let one = try #require(living?.first)
        return (one["id"]?.string ?? "", one["type"]?.string ?? "", one["state"]?.string ?? "")
    }

    fileprivate func fail(_ operation: String, _ fault: String, times: Int) async throws {
        let rule =
            #"{"service":"ec2","operation":"\#(operation)","fault":"\#(fault)","count":\#(times)}"#
        try await operate("PUT", "faults", #"{"rules":[\#(rule)]}"#)
    }

    /// How often EC2 was asked.
    fileprivate func calls(_ operation: String) async throws -> Int {
        let calls = try await operate("GET", "calls")["calls"]?.array ?? []
        return calls.filter { $0.object?["operation"] == .string(operation) }.count
    }
}
