import Foundation
import Postgres
import PushSignature
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

/// A change of an organisation on its way to its tenant.
@Suite struct SettingsPushTests {
    private static let path = "/acme" + SettingsPush.path

    /// A running tenant, and an edge that answers for it as it is told.
    private static func withTenant(
        _ answers: [ScriptedServer.Answer],
        _ body: @Sendable @escaping (TestService, ScriptedServer, Org, TenantSecrets) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let edge = try await ScriptedServer(folder: folder, [path: answers])
            do {
                try await TestService.run(["EDGE_URL": edge.url + "/{slug}"]) { service in
                    let (org, secrets) = try await service.launchedOrg(slug: "acme", instanceID: "i-acme")
                    let database = service.platform.database
                    try await OrgStore(database: database).markRunning(id: org.id)
                    try await TenantStore(database: database).confirmEnrolment(org: org.id)
                    try await body(service, edge, org, secrets)
                }
            } catch {
                await edge.stop()
                throw error
            }
            await edge.stop()
        }
    }

    private static func pushes(_ service: TestService, _ org: Org) async throws -> [(
        state: String, steps: [String]
    )] {
        let rows = try await service.platform.database.query(
            """
            SELECT id, state FROM workflows WHERE kind = \(PushSettings.kind)
                AND subject = \(org.id.text + "/settings") ORDER BY created_at
            """)
        var all: [(state: String, steps: [String])] = []
        for row in rows {
            let description = try await service.platform.engine.describe(try row["id"])
            all.append((try row["state"], description?.steps.map(\.name) ?? []))
        }
        return all
    }

    private static func suspend(_ service: TestService, _ verb: String = "suspend") async throws {
        let answer = try await service.send("POST", "/cp/admin/orgs/acme/\(verb)", body: "{}")
        #expect(answer.status == 200)
    }

    @Test func aSuspensionIsPushedSignedAndWithoutState() async throws {
        try await Self.withTenant([.init(status: 202)]) { service, edge, org, secrets in
            try await Self.suspend(service)
            try await eventually("the push") { try !edge.requests().isEmpty }
            let request = try #require(try edge.requests().first)
            #expect(request.method == "POST" && request.body == "{}")
            #expect(request.authorization.isEmpty && request.org.isEmpty)
            try PushSignature.verify(
                request.signature, PushKey(adminToken: secrets.adminToken),
                now: Int(Date().timeIntervalSince1970), org: org.id.text, body: Array(request.body.utf8))
            try await eventually("its end") {
                try await Self.pushes(service, org).map(\.state) == ["succeeded"]
            }
            // Nothing changed, so nothing is said.
            try await Self.suspend(service)
            let pushes = try await Self.pushes(service, org)
            #expect(pushes.count == 1)
            try await Self.suspend(service, "resume")
            try await eventually("another") { try edge.requests().count == 2 }
        }
    }

    @Test func whoDoesNotAnswerIsAskedAgainByTheSameWorkflow() async throws {
        let away = ScriptedServer.Answer(status: 530)
        try await Self.withTenant([away, away, .init(status: 202)]) { service, edge, org, _ in
            try await Self.suspend(service)
            try await eventually("the third push") {
                try edge.requests().map(\.status) == [530, 530, 202]
            }
            try await eventually("its end") {
                try await Self.pushes(service, org).map(\.state) == ["succeeded"]
            }
            let steps = try await Self.pushes(service, org)[0].steps
            #expect(steps == ["push_1"])
        }
    }

    /// An image from before there was push, or a token that the tenant does not run with.
    @Test(arguments: [401, 404]) func whoRefusesIsLeftToItsPoll(status: Int) async throws {
        try await Self.withTenant([.init(status: status)]) { service, edge, org, _ in
            try await Self.suspend(service)
            try await eventually("its end") {
                try await Self.pushes(service, org).map(\.state) == ["succeeded"]
            }
            let requests = try edge.requests()
            #expect(requests.count == 1)
        }
    }

    /// One push is live at most; a change that comes while it is waits for no new one, and is not lost.
    @Test func changesWhileOneIsUnderWayShareItsNextRound() async throws {
        let away = ScriptedServer.Answer(status: 503)
        try await Self.withTenant([away]) { service, edge, org, _ in
            try await Self.suspend(service)
            try await eventually("a push") { try !edge.requests().isEmpty }
            for verb in ["resume", "suspend", "resume"] { try await Self.suspend(service, verb) }
            let pushes = try await Self.pushes(service, org)
            #expect(pushes.count == 1)
            try edge.answer([Self.path: [.init(status: 202)]])
            try await eventually("its end") {
                try await Self.pushes(service, org).map(\.state) == ["succeeded"]
            }
            let steps = try await Self.pushes(service, org)[0].steps
            #expect(steps.first == "push_1" && steps.count <= 2)
        }
    }

    @Test func whileATokenFollowsEitherIsSignedWith() async throws {
        try await Self.withTenant([.init(status: 202)]) { service, edge, org, secrets in
            var next = secrets
            next.adminToken = TenantSecrets.newAdminToken()
            let proposed = try await TenantTokenStore(database: service.platform.database).propose(
                org: org.id, token: TokenHash(of: next.adminToken),
                sealed: try await service.platform.fleet.secrets.seal(next))
            #expect(proposed)
            try await Self.suspend(service)
            try await eventually("the push") { try !edge.requests().isEmpty }
            let request = try #require(try edge.requests().first)
            for token in [secrets.adminToken, next.adminToken] {
                try PushSignature.verify(
                    request.signature, PushKey(adminToken: token),
                    now: Int(Date().timeIntervalSince1970), org: org.id.text, body: Array("{}".utf8))
            }
        }
    }

    @Test func anOrganisationWithoutATenantIsToldNothing() async throws {
        try await Self.withTenant([.init(status: 202)]) { service, edge, _, _ in
            let org = try await service.launchedOrg(slug: "early").org
            let database = service.platform.database
            let pushes = SettingsPushes(fleet: service.platform.fleet)
            try await database.transaction { try await pushes.pushSettings(org: org.id, in: $0) }
            try await eventually("its end") {
                try await Self.pushes(service, org).map(\.state) == ["succeeded"]
            }
            let requests = try edge.requests()
            #expect(requests.isEmpty)
        }
    }

    @Test func aChangeThatIsRolledBackIsNotPushed() async throws {
        struct Undone: Error {}
        try await Self.withTenant([.init(status: 202)]) { service, _, org, _ in
            await #expect(throws: Undone.self) {
                try await service.platform.database.transaction {
                    try await SettingsPushes(fleet: service.platform.fleet).pushSettings(org: org.id, in: $0)
                    throw Undone()
                }
            }
            let pushes = try await Self.pushes(service, org)
            #expect(pushes.isEmpty)
        }
    }

    /// Through the whole of a simulated cloud: edge, tunnel and tenant.
    @Test func aSimulatedTenantKnowsWithinSeconds() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            for (verb, status) in [("suspend", "suspended"), ("resume", "running")] {
                try await Self.suspend(cloud.service, verb)
                try await eventually("the tenant to know") {
                    try await cloud.state()["instances"]?.array?.first?.object?["org_status"]
                        == .string(status)
                }
            }
        }
    }
}
