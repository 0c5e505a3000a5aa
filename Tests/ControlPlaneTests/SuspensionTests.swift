import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct SuspensionTests {
    private static func running(_ service: TestService, _ slug: String = "acme") async throws -> (
        org: Org, secrets: TenantSecrets
    ) {
        let tenant = try await service.launchedOrg(slug: slug, instanceID: "i-\(slug)")
        try await OrgStore(database: service.platform.database).markRunning(id: tenant.org.id)
        return tenant
    }

    @Test func aSuspendedOrganisationStandsStillAndItsTenantLearnsIt() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await Self.running(service)
            let path = "/cp/admin/orgs/acme"
            let suspended = try await service.send("POST", "\(path)/suspend", body: #"{"reason":"unpaid"}"#)
            #expect(suspended.status == 200 && suspended.json["status"] == .string("suspended"))
            #expect(suspended.json["suspension"]?.object?["reason"] == .string("unpaid"))
            let redeploy = try await service.send(
                "POST", "/cp/admin/tenants/acme/redeploy", body: #"{"target_tag":"v2"}"#)
            #expect(redeploy.status == 409 && redeploy.code == "not_running")
            #expect(try await service.send("POST", "/cp/admin/tenants/acme/retry", body: "{}").status == 409)
            let config = try await service.send(
                "GET", "/cp/tenants/config", token: secrets.adminToken, org: org.id.text)
            #expect(config.json["MOLECULE_ORG_STATUS"] == .string("suspended"))
            #expect(config.json["MOLECULE_SUSPENDED_REASON"] == .string("unpaid"))
            #expect(config.json["MOLECULE_WORKSPACE_QUOTA"] == .string("3"))
            let status = try await service.send("GET", "\(path)/provision-status")
            #expect(status.json["status"] == .string("suspended") && status.json["workflow"] == nil)

            let resumed = try await service.send("POST", "\(path)/resume", body: "{}")
            #expect(resumed.status == 200 && resumed.json["status"] == .string("running"))
            #expect(try await service.send("POST", "\(path)/resume", body: "{}").status == 200)
            let audit = try await service.send("GET", "/cp/admin/audit?org=acme&action=org")
            let actions = audit.json["entries"]?.array?.compactMap { $0.object?["action"]?.string }
            #expect(actions == ["org.resumed", "org.suspended"])
        }
    }

    @Test func whatIsBeingProvisionedIsNotSuspendedAndAFailedOneStaysFailed() async throws {
        try await TestService.run { service in
            _ = try await service.launchedOrg(slug: "early")
            let early = try await service.send("POST", "/cp/admin/orgs/early/suspend", body: "{}")
            #expect(early.status == 409 && early.code == "not_suspendable")
            let failed = try await service.launchedOrg(slug: "failed").org
            let orgs = OrgStore(database: service.platform.database)
            try await orgs.markFailed(id: failed.id, code: "c", message: "m")
            #expect(try await service.send("POST", "/cp/admin/orgs/failed/suspend", body: "{}").status == 200)
            let retry = try await service.send("POST", "/cp/admin/tenants/failed/retry", body: "{}")
            #expect(retry.status == 409)
            let resumed = try await service.send("POST", "/cp/admin/orgs/failed/resume", body: "{}")
            #expect(resumed.json["status"] == .string("failed"))
            let long = #"{"reason":"\#(String(repeating: "r", count: 201))"}"#
            #expect(try await service.send("POST", "/cp/admin/orgs/failed/suspend", body: long).status == 400)
            #expect(try await service.send("POST", "/cp/admin/orgs/nobody/suspend", body: "{}").status == 404)
        }
    }

    @Test func aCustomerEndsOnlyTheirOwnSuspension() async throws {
        try await TestService.run { service in
            let org = try await Self.running(service).org
            try await service.add("payer", to: org, as: .billing)
            try await service.add("member", to: org, as: .member)
            let payer = try await service.signIn("payer")
            let member = try await service.signIn("member")
            #expect(try await member.send("POST", "/cp/orgs/acme/suspend", body: "{}").status == 403)
            #expect(try await payer.send("POST", "/cp/orgs/acme/suspend", body: "{}").status == 200)
            #expect(try await payer.send("POST", "/cp/orgs/acme/resume", body: "{}").status == 200)
            #expect(try await payer.send("POST", "/cp/orgs/acme/suspend", body: "{}").status == 200)
            let taken = try await service.send(
                "POST", "/cp/admin/orgs/acme/suspend", body: #"{"reason":"abuse"}"#)
            #expect(taken.json["suspension"]?.object?["by"] == .string("operator"))
            let refused = try await payer.send("POST", "/cp/orgs/acme/resume", body: "{}")
            #expect(refused.status == 403 && refused.code == "suspended_by_operator")
            // Nor is the operator's reason written over by the customer's.
            let again = try await payer.send("POST", "/cp/orgs/acme/suspend", body: #"{"reason":"holiday"}"#)
            #expect(again.json["suspension"]?.object?["reason"] == .string("abuse"))
            #expect(try await service.send("POST", "/cp/admin/orgs/acme/resume", body: "{}").status == 200)
            let entries = try await service.send("GET", "/cp/admin/audit?org=acme&actor=payer")
            #expect(entries.json["entries"]?.array?.count == 3)
        }
    }

    @Test func quotasStayWithinThePlan() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await Self.running(service)
            try await service.add("payer", to: org, as: .billing)
            let payer = try await service.signIn("payer")
            let set = try await payer.send("PATCH", "/cp/orgs/acme", body: #"{"workspaces":2}"#)
            #expect(set.status == 200)
            #expect(set.json["quotas"]?.object == ["workspaces": .number(2), "llm_tokens": .null])
            let config = try await service.send(
                "GET", "/cp/tenants/config", token: secrets.adminToken, org: org.id.text)
            #expect(config.json["MOLECULE_WORKSPACE_QUOTA"] == .string("2"))
            let beyond = try await payer.send("PATCH", "/cp/orgs/acme", body: #"{"workspaces":4}"#)
            #expect(beyond.status == 400 && beyond.code == "invalid_workspaces")
            #expect(try await payer.send("PATCH", "/cp/orgs/acme", body: #"{"workspaces":-1}"#).status == 400)
            #expect(try await payer.send("PATCH", "/cp/orgs/acme", body: #"{"plan":"pro"}"#).status == 400)
            let cleared = try await payer.send(
                "PATCH", "/cp/orgs/acme", body: #"{"workspaces":null,"llm_tokens":7}"#)
            #expect(cleared.json["quotas"]?.object == ["workspaces": .null, "llm_tokens": .number(7)])
        }
    }

    @Test func anExportTellsEverythingButSecrets() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await Self.running(service)
            try await service.add("owner", to: org, as: .owner)
            try await service.add("member", to: org, as: .member)
            for number in 1...(OrgExport.auditPage + 20) {
                try await AuditLog(database: service.platform.database).record(
                    AuditEvent(action: "a.b", org: org.id, subject: "s\(number)"), by: .service("test"))
            }
            let owner = try await service.signIn("owner")
            let export = try await owner.send("GET", "/cp/orgs/acme/export")
            #expect(export.status == 200)
            #expect(export.json["organisation"]?.array?.first?.object?["slug"] == .string("acme"))
            #expect(export.json["members"]?.array?.count == 2)
            #expect(export.json["tokens"]?.array?.isEmpty == true)
            // The export itself is the newest.
            #expect(export.json["audit"]?.array?.count == OrgExport.auditPage + 21)
            let text = String(describing: export.json)
            for secret in [secrets.adminToken, secrets.bootToken, secrets.databasePassword, owner.token.text]
            {
                #expect(!text.contains(secret))
            }
            #expect(!text.contains("hash") && !text.contains("sealed"))
            let member = try await service.signIn("member")
            #expect(try await member.send("GET", "/cp/orgs/acme/export").status == 403)
            #expect(try await service.send("GET", "/cp/admin/orgs/acme/export").status == 200)
        }
    }

    @Test func whoeverRoutesToTenantsSeesWhereTheyAre() async throws {
        try await TestService.run { service in
            _ = try await Self.running(service)
            let instance = try await service.send("GET", "/cp/orgs/acme/instance", token: nil)
            #expect(
                instance.json == [
                    "slug": .string("acme"), "status": .string("running"), "ip": .string("10.0.0.9"),
                    "region": .string("eu-central-1"),
                ])
            #expect(try await service.send("GET", "/cp/orgs/nobody/instance", token: nil).status == 404)
        }
    }
}
