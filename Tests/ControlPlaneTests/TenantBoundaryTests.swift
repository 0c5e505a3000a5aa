import CurlHTTP
import Foundation
import TestSupport
import Testing
import WireText

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct TenantBoundaryTests {
    static let event = #"{"sequence":1,"stage":"userdata","outcome":"started"}"#

    @Test func acceptsReportsBeforeTheInstanceIsRecorded() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            for token in [secrets.bootToken, secrets.adminToken] {
                let answer = try await service.send(
                    "POST", "/cp/tenants/boot-event", token: token, org: org.id.text, body: Self.event)
                #expect(answer.status == 204)
            }
            #expect(try await service.count("boot_events") == 1)
        }
    }

    @Test func refusesEveryOtherCredentialAndStoresNothing() async throws {
        try await TestService.run { service in
            let one = try await service.launchedOrg(slug: "one")
            let two = try await service.launchedOrg(slug: "two")
            let attempts: [(token: String?, org: String?)] = [
                (nil, one.org.id.text), ("wrong-token", one.org.id.text),
                (two.secrets.bootToken, one.org.id.text), (two.secrets.adminToken, one.org.id.text),
                (one.secrets.bootToken, nil), (one.secrets.bootToken, "not-a-uuid"),
                (one.secrets.bootToken, UUID().text), (ExampleEnvironment.adminToken, one.org.id.text),
            ]
            for (token, org) in attempts {
                for path in ["boot-event", "enroll", "enroll/confirm"] {
                    let body =
                        path == "boot-event" ? Self.event : #"{"identity_pkcs7":"x","agent_version":"1"}"#
                    let answer = try await service.send(
                        "POST", "/cp/tenants/\(path)", token: token, org: org, body: body)
                    #expect(answer.status == 401, "\(path) with another credential answered \(answer.status)")
                }
                #expect(
                    try await service.send("GET", "/cp/tenants/config", token: token, org: org).status == 401)
            }
            #expect(try await service.count("boot_events") == 0)
        }
    }

    @Test(arguments: [
        #"{"sequence":0,"stage":"docker","outcome":"started"}"#,
        #"{"sequence":1000001,"stage":"docker","outcome":"started"}"#,
        #"{"sequence":1,"stage":"docker","outcome":"succeeded","duration_ms":-1}"#,
        #"{"sequence":1,"stage":"docker","outcome":"failed","exit_code":256}"#,
        #"{"sequence":1,"stage":"docker","outcome":"failed","code":"my own words"}"#,
        #"{"sequence":1,"stage":"docker","outcome":"started","message":"hello"}"#,
        #"{"events":[]}"#,
    ])
    func refusesReportsOutsideTheVocabulary(_ body: String) async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            let answer = try await service.send(
                "POST", "/cp/tenants/boot-event", token: secrets.bootToken, org: org.id.text, body: body)
            #expect(answer.status == 400)
            #expect(try await service.count("boot_events") == 0)
        }
    }

    /// Group commit: many callers at once, each answered for its own credential.
    @Test func concurrentReportsAreStoredOnceAndJudgedOneByOne() async throws {
        try await TestService.run { service in
            let one = try await service.launchedOrg(slug: "one")
            let statuses = try await withThrowingTaskGroup(of: (Bool, Int).self) { group in
                for sequence in 1...200 {
                    for copy in 0..<2 {
                        let isGood = sequence % 4 != 0
                        let token = isGood ? one.secrets.bootToken : "wrong-token-\(copy)"
                        let body = #"{"sequence":\#(sequence),"stage":"docker","outcome":"started"}"#
                        group.addTask {
                            let answer = try await service.send(
                                "POST", "/cp/tenants/boot-event", token: token, org: one.org.id.text,
                                body: body)
                            return (isGood, answer.status)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count == 400)
            #expect(statuses.allSatisfy { $0.1 == ($0.0 ? 204 : 401) })
            #expect(try await service.count("boot_events") == 150)
        }
    }

    @Test func enrolmentHandsOverTheSecretsToTheRightInstanceOnly() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            let signer = try IdentitySigner.shared.get()
            let enrol = { (instance: String, by: IdentitySigner, region: String) in
                let document = try by.sign(IdentitySigner.document(instanceID: instance, region: region))
                let body = try JSONEncoder().encode(["identity_pkcs7": document, "agent_version": "1.0"])
                return try await service.send(
                    "POST", "/cp/tenants/enroll", token: secrets.bootToken, org: org.id.text,
                    body: String(decoding: body, as: UTF8.self))
            }
            let early = try await enrol("i-0right", signer, "eu-central-1")
            #expect(early.status == 503 && early.code == "enrolment_not_ready")
            #expect(early.headers.header("Retry-After") == "2")

            try await TenantStore(database: service.platform.database).recordInstance(
                org: org.id, instanceID: "i-0right", privateIP: nil)
            #expect(try await enrol("i-0wrong", signer, "eu-central-1").status == 403)
            #expect(try await enrol("i-0right", signer, "us-east-1").status == 403)
            #expect(try await enrol("i-0right", IdentitySigner(), "eu-central-1").status == 403)

            for _ in 0..<2 {
                let grant = try await enrol("i-0right", signer, "eu-central-1")
                #expect(grant.status == 200)
                #expect(grant.json["admin_token"] == .string(secrets.adminToken))
                #expect(grant.json["tunnel_token"] == .string("tunnel-token-acme"))
                #expect(grant.json["shared_secret"] == .string(ExampleEnvironment.sharedSecret))
            }
            let confirm = try await service.send(
                "POST", "/cp/tenants/enroll/confirm", token: secrets.adminToken, org: org.id.text)
            #expect(confirm.status == 204)
            #expect(try await enrol("i-0right", signer, "eu-central-1").status == 401)
        }
    }

    @Test func configIsAFlatObjectOfStrings() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let answer = try await service.send(
                "GET", "/cp/tenants/config", token: secrets.adminToken, org: org.id.text)
            #expect(answer.status == 200)
            #expect(answer.json["MOLECULE_CP_SHARED_SECRET"] == .string(ExampleEnvironment.sharedSecret))
            #expect(answer.json["MOLECULE_CP_URL"] == .string("https://cp.example"))
            #expect(
                answer.json.values.allSatisfy {
                    ($0.string?.utf8.count ?? .max) <= TenantSideRoutes.maximumValueBytes
                })
            #expect(answer.headers.body.count <= TenantSideRoutes.maximumBytes)
        }
    }

    @Test func theDatabaseHoldsNoSecretInTheClear() async throws {
        try await TestService.run { service in
            let (_, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-1")
            let rows = try await service.platform.database.query("SELECT t::text AS row FROM tenants t")
            let text = try rows.map { try $0["row", as: String.self] }.joined()
            for secret in [
                secrets.bootToken, secrets.adminToken, secrets.databasePassword, secrets.secretsEncryptionKey,
            ] {
                #expect(!text.contains(secret))
                #expect(!text.contains(Array(secret.utf8).hex))
            }
        }
    }
}
