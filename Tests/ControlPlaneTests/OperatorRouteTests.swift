import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct OperatorRouteTests {
    @Test func livenessHasTheShapeThatClientsExpect() async throws {
        try await TestService.run { service in
            let answer = try await service.send("GET", "/health", token: nil)
            #expect(answer.status == 200)
            #expect(answer.json == ["service": .string("molecule-cp"), "status": .string("ok")])
            #expect(try await service.send("GET", "/ready", token: nil).status == 200)
        }
    }

    @Test func everyOperatorRouteRefusesEveryOtherCredential() async throws {
        try await TestService.run { service in
            let tenant = try await service.launchedOrg(slug: "tenant-a")
            let routes = [
                ("POST", "/cp/admin/orgs"), ("GET", "/cp/admin/orgs"), ("GET", "/cp/admin/orgs/tenant-a"),
                ("GET", "/cp/admin/orgs/tenant-a/admin-token"), ("POST", "/cp/admin/orgs/tenant-a/canary"),
                ("GET", "/cp/admin/orgs/tenant-a/provision-status"),
                ("GET", "/cp/admin/orgs/tenant-a/provision-status/stream"),
                ("DELETE", "/cp/admin/tenants/tenant-a"), ("POST", "/cp/admin/tenants/tenant-a/redeploy"),
                ("GET", "/cp/admin/tenants/tenant-a/redeploys/1"),
                ("GET", "/cp/admin/tenants/tenant-a/redeploys"),
                ("GET", "/cp/admin/tenants/tenant-a/release"),
                ("PATCH", "/cp/admin/tenants/tenant-a/release"),
                ("GET", "/cp/admin/channels"), ("PUT", "/cp/admin/channels/stable"),
                ("POST", "/cp/admin/tenants/redeploy-fleet"), ("POST", "/cp/admin/rollouts"),
                ("GET", "/cp/admin/rollouts"), ("GET", "/cp/admin/rollouts/1"),
                ("GET", "/cp/admin/rollouts/1/tenants"), ("GET", "/cp/admin/rollouts/1/events"),
                ("POST", "/cp/admin/rollouts/1/pause"), ("POST", "/cp/admin/rollouts/1/resume"),
                ("POST", "/cp/admin/rollouts/1/abort"), ("POST", "/cp/admin/rollouts/1/promote"),
                ("POST", "/cp/admin/rollouts/1/rollback"),
                ("GET", "/cp/admin/tenants/tenant-a/diagnostics"),
                ("GET", "/cp/admin/tenants/tenant-a/console"),
            ]
            let tokens: [String?] = [
                nil, "", "wrong", tenant.secrets.adminToken, tenant.secrets.bootToken,
                ExampleEnvironment.sharedSecret,
            ]
            for (method, path) in routes {
                for token in tokens {
                    let answer = try await service.send(method, path, token: token, org: tenant.org.id.text)
                    #expect(answer.status == 401, "\(method) \(path) answered \(answer.status)")
                    #expect(answer.contentType == "application/problem+json")
                }
            }
        }
    }

    @Test func creatingAnOrgStartsItsProvisioning() async throws {
        try await TestService.run { service in
            let answer = try await service.send(
                "POST", "/cp/admin/orgs", body: #"{"slug":"acme","name":"Acme","owner_user_id":"u1"}"#)
            #expect(answer.status == 201)
            #expect(answer.json["slug"] == .string("acme"))
            #expect(answer.json["status"] == .string("provisioning"))
            #expect(UUID(uuidString: answer.json["id"]?.string ?? "") != nil)
            let status = try await service.send("GET", "/cp/admin/orgs/acme/provision-status")
            #expect(status.json["workflow"]?.object?["kind"] == .string(ProvisionTenant.kind))
            let list = try await service.send("GET", "/cp/admin/orgs?limit=500")
            let org = try #require(list.json["orgs"]?.array?.first?.object)
            #expect(org["instance_status"] == .string("provisioning"))
            let created = try #require(org["created_at"]?.string)
            #expect(created.hasSuffix("Z") && created.contains("T"))
        }
    }

    @Test func aTakenSlugIsAConflict() async throws {
        try await TestService.run { service in
            let body = #"{"slug":"acme","name":"Acme","owner_user_id":"u1"}"#
            #expect(try await service.send("POST", "/cp/admin/orgs", body: body).status == 201)
            let again = try await service.send("POST", "/cp/admin/orgs", body: body)
            #expect(again.status == 409)
            #expect(again.code == "slug_taken")
            #expect(try await service.count("orgs") == 1)
            #expect(try await service.count("workflows") == 1)
        }
    }

    static let badCreations: [(body: String, status: Int, code: String)] = [
        (#"{"slug":"A","name":"n","owner_user_id":"u"}"#, 400, "invalid_slug"),
        (#"{"slug":"admin","name":"n","owner_user_id":"u"}"#, 400, "invalid_slug"),
        (#"{"slug":"acme","name":"","owner_user_id":"u"}"#, 400, "invalid_name"),
        (#"{"slug":"acme","name":"a\u0000b","owner_user_id":"u"}"#, 400, "invalid_name"),
        (
            #"{"slug":"acme","name":"\#(String(repeating: "n", count: 201))","owner_user_id":"u"}"#, 400,
            "invalid_name"
        ),
        (#"{"slug":"acme","name":"n","owner_user_id":""}"#, 400, "invalid_owner_user_id"),
        (#"{"slug":"acme","name":"n"}"#, 400, "invalid_body"),
        (#"{"slug":"acme","name":"n","owner_user_id":"u","plan":"pro"}"#, 400, "unknown_field"),
        ("", 400, "invalid_body"), ("[]", 400, "invalid_body"), ("{\"slug\":", 400, "invalid_body"),
        (#"{"slug":"\#(String(repeating: "a", count: 1 << 20))"}"#, 413, "body_too_large"),
    ]

    @Test func badCreationsAreExplainedAndChangeNothing() async throws {
        try await TestService.run { service in
            for (body, status, code) in Self.badCreations {
                let answer = try await service.send("POST", "/cp/admin/orgs", body: body)
                #expect(answer.status == status, "\(body.prefix(60))")
                #expect(answer.code == code, "\(body.prefix(60))")
                #expect(answer.contentType == "application/problem+json")
                #expect(answer.json["request_id"]?.string?.isEmpty == false)
            }
            #expect(try await service.count("orgs") == 0)
        }
    }

    @Test func unknownThingsAreNotFound() async throws {
        try await TestService.run { service in
            for path in [
                "/cp/admin/orgs/nobody", "/cp/admin/orgs/nobody/admin-token",
                "/cp/admin/orgs/nobody/provision-status", "/cp/admin/tenants/nobody/diagnostics",
            ] {
                let answer = try await service.send("GET", path)
                #expect(answer.status == 404 && answer.code == "org_not_found", "\(path)")
            }
            let missing = try await service.send("GET", "/cp/nothing/here")
            #expect(missing.status == 404 && missing.code == "no_such_route")
            #expect(try await service.send("GET", "/cp/admin/orgs/NOT-A-SLUG").status == 400)
            #expect(try await service.send("GET", "/cp/admin/orgs?limit=0").status == 400)
            #expect(try await service.send("GET", "/cp/admin/orgs?limit=x").status == 400)
        }
    }

    @Test func aWrongConfirmationDeletesNothing() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            for body in [
                #"{"confirm":"other"}"#, #"{"confirm":""}"#, "{}", #"{"confirm":"acme","force":true}"#,
            ] {
                #expect(try await service.send("DELETE", "/cp/admin/tenants/acme", body: body).status == 400)
            }
            #expect(
                try await OrgStore(database: service.platform.database).find(id: org.id)?.status
                    == .provisioning)
            let unknown = try await service.send(
                "DELETE", "/cp/admin/tenants/nobody", body: #"{"confirm":"nobody"}"#)
            #expect(unknown.status == 404)
        }
    }

    @Test func onlyARunningTenantCanBeRedeployed() async throws {
        try await TestService.run { service in
            _ = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let early = try await service.send(
                "POST", "/cp/admin/tenants/acme/redeploy", body: #"{"target_tag":"v2"}"#)
            #expect(early.status == 409 && early.code == "not_running")
            #expect(try await service.count("redeploys") == 0)
        }
    }

    @Test func aCanaryIsChosenBeforeTheInstance() async throws {
        try await TestService.run { service in
            _ = try await service.launchedOrg(slug: "early")
            _ = try await service.launchedOrg(slug: "late", instanceID: "i-2")
            let body = #"{"is_canary":true}"#
            let early = try await service.send("POST", "/cp/admin/orgs/early/canary", body: body)
            #expect(early.status == 200 && early.json["is_canary"] == .bool(true))
            #expect(try await service.send("POST", "/cp/admin/orgs/late/canary", body: body).status == 409)
        }
    }
}
