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

/// schemathesis takes the served document at its word, as every kind of caller.
@Suite struct OpenAPIFuzzTests {
    private struct Job: Encodable {
        var url: String
        var credential: String
        var headers: [String: String]
        /// No answer may hold one of them.
        var secrets: [String]
        /// Those that answer secrets by design.
        var mayShow: [String]
        var examples: Int
        /// Coverage tries every border of every parameter: once, for whoever gets furthest.
        var phases: String
        var slug: String
    }

    private struct Verdict: Decodable {
        var credential: String
        var cases: Int
        var operations: Int
        var failures: [String]
    }

    @Test(.timeLimit(.minutes(10)))
    func noCredentialFindsAnAnswerThatIsNotInTheDocument() async throws {
        // What is refused for its rate says nothing about the document.
        let names = RateLimits.names.map { #""\#($0)":0"# }.joined(separator: ",")
        try await TestCloud.run(["RATE_LIMITS": "{\(names)}"]) { cloud in
            let service = cloud.service
            let tenant = try await service.launchedOrg(slug: "acme", instanceID: "i-0123456789abcdef0")
            try await service.add("owner", to: tenant.org, as: .owner)
            let owner = try await service.signIn("owner")
            let key = try await service.issueKey(scopes: Scope.allCases, org: tenant.org).json["key"]?.string
            let scopes = Scope.allCases.filter { $0 != .createOrgs }.map { #""\#($0.rawValue)""# }
            let ownPage = service.platform.configuration.browser.url.origin
            let issued = try await owner.send(
                "POST", "/cp/orgs/acme/tokens",
                body: #"{"name":"ci","scopes":[\#(scopes.joined(separator: ","))]}"#,
                headers: [HTTPField("Origin", ownPage)])
            let token = try #require(issued.json["token"]?.string, "\(issued.json)")
            let credentials: [(String, [String: String])] = [
                ("none", [:]),
                (
                    "tenant",
                    [
                        "Authorization": "Bearer \(tenant.secrets.adminToken)",
                        "X-Molecule-Org-Id": tenant.org.id.text,
                    ]
                ),
                ("session", ["Cookie": owner.cookie, "Origin": ownPage]),
                ("partner", ["Authorization": "Bearer \(try #require(key))"]),
                ("organisation", ["Authorization": "Bearer \(token)"]),
                (
                    "instance",
                    [
                        "Authorization": "Bearer \(tenant.secrets.bootToken)",
                        "X-Molecule-Org-Id": tenant.org.id.text,
                    ]
                ),
                // Last: it may delete what the others look at.
                ("operator", ["Authorization": "Bearer \(ExampleEnvironment.adminToken)"]),
            ]
            let secrets = [
                ExampleEnvironment.adminToken, ExampleEnvironment.sharedSecret, tenant.secrets.adminToken,
                tenant.secrets.databasePassword, tenant.secrets.secretsEncryptionKey, owner.token.text,
                tenant.secrets.bootToken, try #require(key), token,
            ]
            let jobs = credentials.map { name, headers in
                Job(
                    url: service.url, credential: name, headers: headers, secrets: secrets,
                    mayShow: ["/admin-token", "/cp/tenants/config", "/cp/tenants/enroll"], examples: 5,
                    phases: name == "operator" ? "coverage,fuzzing" : "fuzzing", slug: "acme")
            }
            let verdicts = try Oracle.ask("openapi_fuzz.py", jobs, as: Verdict.self)
            #expect(verdicts.count == jobs.count)
            for verdict in verdicts {
                print(
                    "schemathesis: \(verdict.credential): \(verdict.cases) cases, "
                        + "\(verdict.operations) operations")
                #expect(verdict.cases > 100)
                #expect(
                    verdict.failures == [],
                    "\(verdict.credential): \(verdict.failures.joined(separator: "\n"))")
            }
        }
    }
}
