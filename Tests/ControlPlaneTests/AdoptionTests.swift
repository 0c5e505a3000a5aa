import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// A database that lost its rows, and a cloud that still has everything.
@Suite struct AdoptionTests {
    private static let settings = [
        "RECONCILE_INTERVAL_SECONDS": "0", "PROVIDER_VISIBILITY_SECONDS": "0",
    ]

    @Test func rebuildsEveryTenantWhoseRowsWereDeleted() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            for slug in ["acme", "beta"] { try await cloud.signUp(slug) }
            for slug in ["acme", "beta"] { try await cloud.await(slug, "running") }
            let before = try await cloud.remembered("acme")
            let token = try await cloud.adminToken("acme")
            try await cloud.loseRows()

            let writing = AdoptionWriting(fleet: cloud.service.platform.fleet)
            let found = try await writing.find()
            #expect(found.map(\.slug) == ["acme", "beta"])
            #expect(found.allSatisfy { $0.change == .insertOrg && $0.notes.isEmpty })
            #expect(try await cloud.service.count("orgs") == 0)

            for adoptee in found { try await writing.adopt(adoptee) }
            let after = try await cloud.remembered("acme")
            #expect(after == before, "\(after) is not \(before)")
            #expect(try await writing.find().isEmpty)
            let unknown = try await cloud.service.send("GET", "/cp/admin/orgs/acme/admin-token")
            #expect(unknown.status == 409)

            #expect(try await writing.askToEnrol().count == 2)
            try await eventually("the instances enrol again") {
                try await cloud.service.count("tenants WHERE admin_token_hash IS NOT NULL") == 2
            }
            #expect(try await cloud.adminToken("acme") == token)
            let config = try await cloud.service.send(
                "GET", "/cp/tenants/config", token: token, org: before.orgID.text)
            #expect(config.status == 200)

            try await cloud.reconcileUntil { $0.isEmpty }
            for slug in ["acme", "beta"] {
                let deleted = try await cloud.service.send(
                    "DELETE", "/cp/admin/tenants/\(slug)", body: #"{"confirm":"\#(slug)"}"#)
                #expect(deleted.status == 200)
            }
            let living = try await cloud.living()
            #expect(living.instances == 0 && living.tunnels == 0 && living.records == 0)
        }
    }

    @Test func fillsInATenantThatTheBackupKnowsFromBeforeItsInstance() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let before = try await cloud.remembered("acme")
            let token = try await cloud.adminToken("acme")
            try await cloud.service.platform.database.execute(
                "UPDATE tenants SET instance_id = NULL, tunnel_id = NULL, running_at = NULL")
            try await cloud.service.platform.database.execute("DELETE FROM resource_ledger")

            let writing = AdoptionWriting(fleet: cloud.service.platform.fleet)
            let found = try await writing.find()
            #expect(found.map(\.change) == [.updateTenant])
            try await writing.adopt(found[0])
            let after = try await cloud.remembered("acme")
            #expect(after == before, "\(after) is not \(before)")
            // Its credentials were in the backup.
            #expect(try await writing.askToEnrol().isEmpty)
            #expect(try await cloud.adminToken("acme") == token)
        }
    }

    /// The backup is older than the rotation of the tenant's token.
    @Test func takesTheCredentialsAgainThatTheBackupDoesNotKnow() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let (org, token) = (try await cloud.remembered("acme").orgID, try await cloud.adminToken("acme"))
            func call() async throws -> Int {
                try await cloud.service.send("GET", "/cp/tenants/config", token: token, org: org.text).status
            }
            try await cloud.service.platform.database.execute(
                "UPDATE tenants SET admin_token_hash = sha256('another')")
            #expect(try await call() == 401)
            let writing = AdoptionWriting(fleet: cloud.service.platform.fleet)
            #expect(try await writing.find().isEmpty)
            await #expect(throws: AppError.self) {
                try await writing.forgetCredentials(try Slug("nobody"))
            }
            try await writing.forgetCredentials(try Slug("acme"))
            #expect(try await writing.askToEnrol().count == 1)
            try await eventually("the tenant's token is good again") { try await call() == 200 }
            #expect(try await cloud.adminToken("acme") == token)
            #expect(
                try await cloud.service.count(
                    "audit.entries WHERE action = 'tenant.credentials_forgotten'") == 1)
        }
    }

    @Test func leavesToAPersonWhatTheRowsContradict() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let other = UUID()
            try await cloud.loseRows()
            try await cloud.service.platform.database.execute(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, status)
                VALUES (\(other), 'acme', 'another', 'user', 'running')
                """)
            let found = try await AdoptionWriting(fleet: cloud.service.platform.fleet).find()
            #expect(found.map(\.change) == [.conflict])
            #expect(found[0].notes.contains { $0.contains("slug") })
        }
    }

    @Test func takesCredentialsOnceAndFromTheAdoptedInstanceOnly() async throws {
        try await TestService.run { service in
            let signer = try IdentitySigner.shared.get()
            let (org, _) = try await service.launchedOrg(slug: "acme", instanceID: "i-0123456789abcdef0")
            func enrol(_ instance: String, token: String = "adm_given_back_by_its_instance") async throws
                -> Int
            {
                let document = try signer.sign(IdentitySigner.document(instanceID: instance))
                let body = [
                    "identity_pkcs7": document, "agent_version": "1", "secrets_encryption_key": "k",
                    "database_password": "p",
                ]
                let text = String(decoding: try JSONEncoder().encode(body), as: UTF8.self)
                return try await service.send(
                    "POST", "/cp/tenants/re-enroll", token: token, org: org.id.text, body: text
                ).status
            }
            #expect(try await enrol("i-0123456789abcdef0") == 401, "it was never adopted")
            try await service.platform.database.execute(
                "UPDATE tenants SET adopted_at = now(), admin_token_hash = NULL, secrets_sealed = NULL")
            #expect(try await enrol("i-0123456789abcdef1") == 403)
            #expect(try await enrol("i-0123456789abcdef0") == 204)
            #expect(try await enrol("i-0123456789abcdef0", token: "adm_of_somebody_else") == 401)
            let config = try await service.send(
                "GET", "/cp/tenants/config", token: "adm_given_back_by_its_instance", org: org.id.text)
            #expect(config.status == 200)
        }
    }
}

/// What must be the same again.
private struct Remembered: Equatable {
    var orgID: UUID
    var launchID: UUID
    var instanceID: String?
    var tunnelID: String?
    var privateIP: String?
    var hostname: String?
    var tunnelName: String?
    var tenantImage: String?
    var ledger: [String]
}

extension TestCloud {
    fileprivate func remembered(_ slug: String) async throws -> Remembered {
        let database = service.platform.database
        let org = try await OrgStore(database: database).require(slug: Slug(slug))
        #expect(org.status == .running)
        let tenant = try await TenantStore(database: database).require(org: org.id)
        let ledger = try await ResourceLedger(database: database).remaining(org: org.id)
        return Remembered(
            orgID: org.id, launchID: tenant.launchID, instanceID: tenant.instanceID,
            tunnelID: tenant.tunnelID, privateIP: tenant.privateIP, hostname: tenant.launch?.hostname,
            tunnelName: tenant.launch?.tunnelName, tenantImage: tenant.launch?.stack.tenant,
            ledger: ledger.filter { $0.kind != .volume }.map {
                "\($0.kind) \($0.intentID) \($0.providerID ?? "") \($0.place) \($0.state)"
            }.sorted())
    }

    fileprivate func adminToken(_ slug: String) async throws -> String? {
        try await service.send("GET", "/cp/admin/orgs/\(slug)/admin-token").json["admin_token"]?.string
    }

    fileprivate func loseRows() async throws {
        try await service.platform.database.transaction { transaction in
            try await transaction.execute("DELETE FROM workflows")
            try await transaction.execute("DELETE FROM boot_events")
            try await transaction.execute("DELETE FROM resource_ledger")
            try await transaction.execute("DELETE FROM redeploys")
            try await transaction.execute("DELETE FROM tenants")
            try await transaction.execute("DELETE FROM memberships")
            try await transaction.execute("DELETE FROM orgs")
        }
    }
}
