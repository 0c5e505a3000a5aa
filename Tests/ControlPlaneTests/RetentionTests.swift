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

/// What a plan keeps of a deleted tenant, and for how long.
@Suite(.serialized) struct RetentionTests {
    private static let settings = ["RETENTION_DAYS": "free=7"]

    private func delete(_ cloud: TestCloud, _ path: String = "/cp/admin/tenants/acme") async throws
        -> TestService.Answer
    {
        let body = #"{"confirm":"acme"}"#
        guard path.hasPrefix("/cp/orgs") else {
            return try await cloud.service.send("DELETE", path, body: body)
        }
        let owner = try await cloud.service.signIn("user-1")
        let page = HTTPField("Origin", cloud.service.platform.configuration.browser.url)
        return try await owner.send("DELETE", path, body: body, headers: [page])
    }

    private func snapshots(_ cloud: TestCloud) async throws -> Int {
        try await cloud.service.platform.fleet.ec2.describeSnapshots(
            filters: [EC2Filter(name: "tag:\(ResourceTag.platform)", values: ["molecule"])]
        ).count
    }

    @Test func aDeletedTenantComesBackOnItsVolumeAndWithItsKeys() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let before = try await keys(cloud)

            let deleted = try await delete(cloud)
            #expect(deleted.json["status"] == .string("purged"), "\(deleted.json)")
            #expect(deleted.json["restorable_until"]?.string != nil)
            #expect(try await cloud.living() == (0, 0, 0))
            #expect(try await snapshots(cloud) == 1)
            // The slug stays with the organisation as long as it can come back.
            let taken = try await cloud.service.send(
                "POST", "/cp/admin/orgs", body: #"{"slug":"acme","name":"n","owner_user_id":"u"}"#)
            #expect(taken.code == "slug_taken")

            let restored = try await cloud.service.send("POST", "/cp/admin/orgs/acme/restore")
            #expect(restored.status == 202, "\(restored.json)")
            try await cloud.await("acme", "running", "failed")
            #expect(try await cloud.living() == (1, 1, 1))
            #expect(try await keys(cloud) == before)
            try await eventuallyNone(cloud)
            let again = try await cloud.service.send("POST", "/cp/admin/orgs/acme/restore")
            #expect(again.code == "not_deleted")
        }
    }

    /// The keys of the volume stay; the tokens are new.
    private func keys(_ cloud: TestCloud) async throws -> [String] {
        let org = try await OrgStore(database: cloud.service.platform.database).require(slug: Slug("acme"))
        let tenant = try await TenantStore(database: cloud.service.platform.database).require(org: org.id)
        let secrets = try await cloud.service.platform.fleet.openSecrets(of: tenant)
        return [secrets.databasePassword, secrets.secretsEncryptionKey]
    }

    private func eventuallyNone(_ cloud: TestCloud) async throws {
        for _ in 0..<600 {
            if try await snapshots(cloud) == 0 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the snapshot of a restored tenant is still there")
    }

    @Test func anErasureEndsTheRetentionAndLeavesNothing() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            _ = try await delete(cloud)
            let erased = try await delete(cloud, "/cp/orgs/acme")
            #expect(erased.json["status"] == .string("purged"), "\(erased.json)")
            #expect(erased.json["restorable_until"] == nil)
            #expect(try await snapshots(cloud) == 0)
            #expect(try await cloud.service.count("tenants") == 0)
            #expect(try await cloud.service.count("resource_ledger") == 0)
            let gone = try await cloud.service.send("POST", "/cp/admin/orgs/acme/restore")
            #expect(gone.status == 410)
        }
    }

    /// The snapshot outlives a restore that fails, which can be tried again, and no erasure.
    @Test func anErasureInTheMiddleOfARestoreLeavesNothing() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            _ = try await delete(cloud)
            try await cloud.simulate(#"{"failing_stage":"postgres"}"#)
            _ = try await cloud.service.send("POST", "/cp/admin/orgs/acme/restore")
            try await cloud.await("acme", "failed")
            try await cloud.simulate(#"{"stuck_stage":"postgres"}"#)
            // As long as the failed launch is still being removed, a retry hurries that.
            for _ in 0..<600 {
                let again = try await cloud.service.send("POST", "/cp/admin/tenants/acme/retry")
                if again.json["message"]?.string?.contains("provisioned anew") == true { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await snapshots(cloud) == 1)
            for _ in 0..<600 where try await cloud.living().instances == 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            let erased = try await delete(cloud, "/cp/orgs/acme")
            #expect(erased.json["status"] == .string("purged"), "\(erased.json)")
            #expect(try await snapshots(cloud) == 0)
            #expect(try await cloud.living() == (0, 0, 0))
            #expect(try await cloud.service.count("resource_ledger") == 0)
        }
    }

    @Test func aRetentionEndsByItself() async throws {
        try await TestCloud.run(Self.settings) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            _ = try await delete(cloud)
            // Seven days later: the answer to the delete may have come before its end.
            let database = cloud.service.platform.database
            try await eventually("the retention") {
                try await database.execute(
                    """
                    UPDATE workflow_steps SET deadline = now()
                    WHERE name = 'retention' AND state = 'started'
                    """) > 0
            }
            try await eventually("the end of the wait") {
                try await database.execute(
                    """
                    UPDATE workflows SET due_at = now()
                    WHERE kind = \(ForgetTenant.kind) AND state = 'waiting'
                    """) > 0
            }
            try await eventuallyNone(cloud)
            for _ in 0..<600 where try await cloud.service.count("tenants") > 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await cloud.service.count("tenants") == 0)
            #expect(try await cloud.service.count("resource_ledger") == 0)
        }
    }

    @Test func aDeleteDuringProvisioningLeavesNothing() async throws {
        try await TestCloud.run { cloud in
            for pause in [0, 150, 400, 900] {
                try await cloud.signUp("acme")
                try await Task.sleep(for: .milliseconds(pause))
                let deleted = try await delete(cloud)
                #expect(deleted.json["status"] == .string("purged"), "after \(pause) ms: \(deleted.json)")
                #expect(try await cloud.living() == (0, 0, 0), "after \(pause) ms")
            }
        }
    }
}
