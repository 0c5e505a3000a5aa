import CurlHTTP
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What a tenant presents to the registry, and the whole way with a registry that asks for it.
@Suite(.serialized) struct RegistryCredentialsTests {
    private static let path = "/cp/tenants/registry-credentials"

    @Test func anOpenRegistryNeedsNone() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let answer = try await service.send(
                "GET", Self.path, token: secrets.adminToken, org: org.id.text)
            #expect(answer.status == 204 && answer.headers.body.isEmpty)
        }
    }

    @Test func aTenantGetsTheUserOfTheRegistryAndNobodyElseDoes() async throws {
        let environment = [
            "REGISTRY_AUTH": "basic", "REGISTRY_USERNAME": "puller", "REGISTRY_PASSWORD": "pull-pass",
            "REGISTRY_URL": "https://registry.example:5000",
        ]
        try await TestService.run(environment) { service in
            let one = try await service.launchedOrg(slug: "one", instanceID: "i-1")
            let two = try await service.launchedOrg(slug: "two", instanceID: "i-2")
            let answer = try await service.send(
                "GET", Self.path, token: one.secrets.adminToken, org: one.org.id.text)
            let given = try JSONDecoder().decode(
                RegistryCredentials.self, from: Data(answer.headers.body))
            #expect(
                given
                    == RegistryCredentials(
                        registry: "registry.example:5000", username: "puller", password: "pull-pass",
                        expiresAt: nil))
            #expect(answer.headers.header("Cache-Control") == "no-store")
            for token in [nil, one.secrets.bootToken, two.secrets.adminToken, ExampleEnvironment.adminToken] {
                let refused = try await service.send("GET", Self.path, token: token, org: one.org.id.text)
                #expect(refused.status == 401 && !refused.headers.text.contains("pull-pass"))
            }
        }
    }

    @Test func aTokenServiceThatDoesNotAnswerIsSaidSo() async throws {
        try await TestService.run(["REGISTRY_AUTH": "ecr"]) { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let answer = try await service.send(
                "GET", Self.path, token: secrets.adminToken, org: org.id.text)
            #expect(answer.status == 502 && answer.code == "registry_unavailable")
        }
    }

    /// ECR's token opens the registry to the platform, which launches and redeploys, and to the tenant.
    @Test func ecrsTokenServesThePlatformAndItsTenants() async throws {
        let access = TestRegistry.Access.basic(username: "AWS", password: SimulatedCloud.registryPassword)
        try await TestCloud.run(["REGISTRY_AUTH": "ecr"], access: access) { cloud in
            let http = cloud.service.platform.http
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let v2 = try await cloud.registry.push("molecule-tenant", tag: "v2", http)
            let plan = try await cloud.service.send(
                "POST", "/cp/admin/tenants/acme/redeploy", body: #"{"target_tag":"v2","dry_run":true}"#)
            #expect(plan.status == 200 && plan.json["digest"] == .string(v2))

            let org = try await OrgStore(database: cloud.service.platform.database).require(
                slug: Slug("acme"))
            let token = try await cloud.service.send("GET", "/cp/admin/orgs/acme/admin-token").json
            let answer = try await cloud.service.send(
                "GET", Self.path, token: token["admin_token"]?.string, org: org.id.text)
            let given = try JSONDecoder().decode(
                RegistryCredentials.self, from: Data(answer.headers.body))
            #expect(given.registry == cloud.registry.url.dropFirst("http://".count))
            let expiry = try Date(try #require(given.expiresAt), strategy: .iso8601)
            #expect(expiry.timeIntervalSinceNow > 11 * 3_600)
            let user = RegistryUser(username: given.username, password: given.password)
            var request = HTTPRequest("GET", cloud.registry.url + "/v2/")
            #expect(try await http.send(request).status == 401)
            request.headers = [HTTPField("Authorization", user.basic)]
            #expect(try await http.send(request).status == 200)
            #expect(try await tokensFetched(cloud) == 1, "all of that needed one token")
        }
    }

    /// Given out for as long as it has more than ten minutes left, and fetched once however many ask.
    @Test func aTokenIsFetchedAnewBeforeItExpires() async throws {
        let options = ["--registry-token-seconds", "602"]
        try await TestCloud.run(["REGISTRY_AUTH": "ecr"], options: options) { cloud in
            let login = cloud.service.platform.fleet.registry.login
            let askAll = {
                try await withThrowingTaskGroup(of: RegistryUser?.self) { group in
                    for _ in 0..<20 { group.addTask { try await login.user() } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            let first = try await askAll()
            #expect(Set(first.compactMap { $0?.expiresAt }).count == 1 && first.count == 20)
            #expect(try await tokensFetched(cloud) == 1)
            try await Task.sleep(for: .milliseconds(2_100))
            let later = try await askAll()
            #expect(try await tokensFetched(cloud) == 2 && later[0] != first[0])
            if let user = later[0] { await login.refused(user) }
            #expect(try await login.user() != later[0])
            #expect(try await tokensFetched(cloud) == 3, "a token that the registry refused is dropped")
        }
    }

    /// Those who wait for the same fetch hear of its failure at once; the next one asks anew.
    @Test func aFailedFetchIsNotRepeatedByEverybodyWhoWaited() async throws {
        try await TestCloud.run(["REGISTRY_AUTH": "ecr"]) { cloud in
            let login = cloud.service.platform.fleet.registry.login
            try await cloud.operate(
                "PUT", "faults",
                #"{"rules":[{"service":"ecr","operation":"*","fault":"silence","seconds":1}]}"#)
            let outcomes = await withTaskGroup(of: String.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        do { return try await login.user()?.username ?? "nobody" } catch let error as AppError
                        {
                            return error.code
                        } catch { return "\(error)" }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes == Array(repeating: "registry_unavailable", count: 10))
            #expect(try await tokensFetched(cloud) == 1)
            #expect(try await login.user()?.username == "AWS")
        }
    }

    private func tokensFetched(_ cloud: TestCloud) async throws -> Int {
        let totals = try await cloud.operate("GET", "calls")["totals"]?.object
        return totals?["ecr"]?.object?["GetAuthorizationToken"]?.number ?? 0
    }
}
