import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite(.serialized) struct RotationTests {
    /// The whole way over Systems Manager to a simulated instance and back.
    @Test func aTenantGetsAnotherTokenWhileOneIsAlwaysValid() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let service = cloud.service
            let old = try await shownToken(service)
            let id = try await orgID(service)
            let begun = try await service.send("POST", "/cp/admin/tenants/acme/rotate-credentials")
            #expect(begun.status == 202, "\(begun.json)")
            let ended = try await followed(service, begun)
            #expect(ended["phase"] == .string("updated") && ended["refresh"] == .bool(true), "\(ended)")

            let new = try await shownToken(service)
            #expect(new != old && new.hasPrefix("adm_"))
            #expect(try await config(service, old, id) == 401)
            #expect(try await config(service, new, id) == 200)
            let state = try await service.send("GET", "/cp/admin/tenants/acme/credentials")
            let rotation = try #require(state.json["rotation"]?.object)
            #expect(rotation["pending"] == .bool(false) && rotation["rotated_at"]?.string != nil)
            for action in ["rotation_begun", "rotated"] {
                #expect(
                    try await service.count(
                        "audit.entries WHERE action = \("tenant_credentials." + action)") == 1)
            }
            // And once more: the second begins where the first has ended.
            _ = try await followed(
                service, try await service.send("POST", "/cp/admin/tenants/acme/rotate-credentials"))
            #expect(try await config(service, new, id) == 401)

            let body = #"{"confirm":"acme"}"#
            let newest = try await shownToken(service)
            #expect(try await service.send("DELETE", "/cp/admin/tenants/acme", body: body).status == 200)
            #expect(try await config(service, newest, id) == 401, "revoked at teardown")
        }
    }

    /// An instance that cannot be reached keeps its token: nothing it could not know of ends.
    @Test func anUnreachableInstanceKeepsItsToken() async throws {
        try await TestCloud.run(["DEADLINE_OFFLINE_SECONDS": "1"]) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let old = try await shownToken(cloud.service)
            let tenants = try await cloud.service.platform.database.query("SELECT instance_id FROM tenants")
            let instance = try tenants[0]["instance_id", as: String.self]
            try await cloud.service.platform.fleet.ec2.terminateInstances(ids: [instance])
            let begun = try await cloud.service.send(
                "POST", "/cp/admin/tenants/acme/rotate-credentials")
            let ended = try await followed(cloud.service, begun)
            #expect(ended["phase"] == .string("failed"), "\(ended)")
            #expect(try await shownToken(cloud.service) == old)
            #expect(
                try await cloud.service.count("tenants WHERE next_token_hash IS NOT NULL") == 0, "withdrawn")
        }
    }

    @Test func bothAreValidUntilTheNewOneIsConfirmed() async throws {
        try await TestService.run { service in
            let (org, secrets, next) = try await rotating(service)
            let id = org.id.text
            func ask(_ method: String, _ path: String, _ token: String) async throws -> TestService.Answer {
                try await service.send(method, "/cp/tenants/\(path)", token: token, org: id)
            }
            for token in [secrets.adminToken, next, secrets.adminToken] {
                #expect(try await ask("GET", "config", token).status == 200)
                let answer = try await ask("GET", "credentials", token)
                #expect(answer.status == 200 && answer.json["admin_token"] == .string(next))
            }
            let early = try await ask("POST", "credentials/confirm", secrets.adminToken)
            #expect(early.status == 409 && early.code == "not_the_next")
            for _ in 0..<2 {
                #expect(try await ask("POST", "credentials/confirm", next).status == 204)
            }
            #expect(try await ask("GET", "config", secrets.adminToken).status == 401)
            #expect(try await ask("GET", "credentials", next).status == 204)
            let event = #"{"sequence":9,"stage":"docker","outcome":"started"}"#
            for (token, status) in [(next, 204), (secrets.adminToken, 401)] {
                let answer = try await service.send(
                    "POST", "/cp/tenants/boot-event", token: token, org: id, body: event)
                #expect(answer.status == status)
            }
            #expect(try await service.count("audit.entries WHERE action = 'tenant_credentials.rotated'") == 1)
        }
    }

    @Test func theNextTokenIsTheOrganisationsAloneAndRevokedWithTheRest() async throws {
        try await TestService.run { service in
            let (org, secrets, next) = try await rotating(service)
            let other = try await service.launchedOrg(slug: "other-org")
            #expect(try await config(service, next, other.org.id.text) == 401)
            #expect(try await config(service, other.secrets.adminToken, org.id.text) == 401)
            let store = TenantTokenStore(database: service.platform.database)
            #expect(try await store.propose(org: org.id, token: TokenHash(of: "x"), sealed: []) == false)
            #expect(try await config(service, next, org.id.text) == 200)
            try await TenantStore(database: service.platform.database).revokeCredentials(org: org.id)
            for token in [secrets.adminToken, next] {
                #expect(try await config(service, token, org.id.text) == 401)
            }
        }
    }

    @Test func onlyARunningTenantIsRotatedAndOneOrderAtATime() async throws {
        try await TestService.run { service in
            _ = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let early = try await service.send("POST", "/cp/admin/tenants/acme/rotate-credentials")
            #expect(early.status == 409 && early.code == "not_running")
            let database = service.platform.database
            try await database.execute("UPDATE orgs SET status = 'running'")
            try await database.execute("UPDATE tenants SET confirmed_at = now()")
            let first = try await service.send("POST", "/cp/admin/tenants/acme/rotate-credentials")
            let second = try await service.send("POST", "/cp/admin/tenants/acme/rotate-credentials")
            #expect(first.status == 202 && second.status == 409 && second.code == "redeploy_in_progress")
            #expect(second.json["redeploy_id"] == first.json["redeploy_id"])
        }
    }

    /// The platform checks no fleet secret: tenants that hold the old one and tenants that hold the new one
    /// live side by side, and each has the new one from its next look at its configuration on.
    @Test func aNewFleetSecretReachesTenantsByTheirConfiguration() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let before = try await fleetSecret(at: service, secrets.adminToken, org)
            #expect(before == ExampleEnvironment.sharedSecret)
            // Another replica of the same platform, that was started with the new one.
            let new = String(repeating: "n", count: 40)
            let settings = [
                "DATABASE_URL": service.platform.configuration.databaseURL, "PROVISION_SHARED_SECRET": new,
            ]
            try await TestService.run(settings) { restarted in
                let after = try await fleetSecret(at: restarted, secrets.adminToken, org)
                #expect(after == new)
            }
            let meanwhile = try await fleetSecret(at: service, secrets.adminToken, org)
            #expect(meanwhile == ExampleEnvironment.sharedSecret)
        }
    }

    private func fleetSecret(at service: TestService, _ token: String, _ org: Org) async throws -> String? {
        try await service.send("GET", "/cp/tenants/config", token: token, org: org.id.text)
            .json["MOLECULE_CP_SHARED_SECRET"]?.string
    }

    // MARK: -

    private func rotating(_ service: TestService) async throws -> (Org, TenantSecrets, next: String) {
        let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
        let database = service.platform.database
        try await database.execute("UPDATE tenants SET confirmed_at = now()")
        var following = secrets
        following.adminToken = TenantSecrets.newAdminToken()
        let isNew = try await TenantTokenStore(database: database).propose(
            org: org.id, token: TokenHash(of: following.adminToken),
            sealed: try await service.platform.fleet.secrets.seal(following))
        #expect(isNew)
        return (org, secrets, following.adminToken)
    }

    private func shownToken(_ service: TestService) async throws -> String {
        let answer = try await service.send("GET", "/cp/admin/orgs/acme/admin-token")
        return try #require(answer.json["admin_token"]?.string, "\(answer.json)")
    }

    private func orgID(_ service: TestService) async throws -> String {
        try #require(try await service.send("GET", "/cp/admin/orgs/acme").json["id"]?.string)
    }

    private func config(_ service: TestService, _ token: String, _ org: String) async throws -> Int {
        try await service.send("GET", "/cp/tenants/config", token: token, org: org).status
    }

    private func followed(
        _ service: TestService, _ begun: TestService.Answer
    ) async throws -> [String: JSONValue] {
        let id = begun.json["redeploy_id"]?.string ?? ""
        var last: [String: JSONValue] = begun.json
        for _ in 0..<600 {
            last = try await service.send("GET", "/cp/admin/tenants/acme/redeploys/\(id)").json
            if !["sending", "running"].contains(last["phase"]?.string) { return last }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("never ended: \(last)")
        return last
    }
}
