import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The reconciler against the local cloud, with things done behind the platform's back.
@Suite struct ReconcilerTests {
    private static let eager = [
        "RECONCILE_INTERVAL_SECONDS": "0", "RECONCILE_GRACE_SECONDS": "0",
        "RECONCILE_MAX_DELETE_PERCENT": "100", "PROVIDER_VISIBILITY_SECONDS": "0",
    ]

    @Test func mendsWhatHasDrifted() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            try await cloud.reconcileUntil { $0.isEmpty }
            let instance = try await cloud.ids("instances")[0]
            try await cloud.operate("PUT", "instances/\(instance)", #"{"state":"stop"}"#)
            let record = try await cloud.ids("records")[0]
            try await cloud.operate("DELETE", "records/\(record)")

            let found = try await cloud.reconcile()
            #expect(Set(found.map(\.code)) == ["instance_stopped", "record_missing"])
            #expect(found.allSatisfy { $0.next == "mend" && $0.slug == "acme" })
            #expect(try await cloud.living().records == 0)

            try await cloud.reconcile(apply: true)
            try await cloud.reconcileUntil { $0.isEmpty }
            let living = try await cloud.living()
            #expect(living.instances == 1 && living.tunnels == 1 && living.records == 1)
            let rows = try await cloud.service.count("resource_ledger WHERE state = 'live'")
            #expect(rows >= 4)
        }
    }

    @Test func pointsARecordBackAndLeavesAnotherOwnersAlone() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            try await cloud.signUp("acme")
            try await cloud.signUp("other")
            try await cloud.await("acme", "running")
            try await cloud.await("other", "running")
            let records = try await cloud.state()["records"]?.array ?? []
            for record in records {
                let name = record.object?["name"]?.string ?? ""
                let change =
                    name == "acme.localhost"
                    ? #"{"content":"elsewhere.example"}"# : #"{"comment":"of another owner"}"#
                try await cloud.operate("PUT", "records/\(record.object?["id"]?.string ?? "")", change)
            }
            try await cloud.reconcile(apply: true)
            try await cloud.reconcileUntil { $0.map(\.slug) == ["other"] }
            let after = try await cloud.state()["records"]?.array ?? []
            #expect(after.count == 2)
            for record in after.compactMap(\.object) {
                #expect(record["content"]?.string?.hasSuffix(".cfargotunnel.com") == true)
            }
        }
    }

    @Test func quarantinesAnOrphanBeforeItDeletesIt() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            try await cloud.signUp("gone")
            try await cloud.await("gone", "running")
            let org = try await cloud.orgID("gone")
            let deleted = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/gone", body: #"{"confirm":"gone"}"#)
            #expect(deleted.status == 200)
            let ours = try await cloud.launch(platform: "molecule", org: org)
            let others = try await cloud.launch(platform: "another", org: org)
            let strangers = try await cloud.launch(platform: "molecule", org: UUID())

            // They are left alone while they are younger than a look takes.
            try await cloud.reconcileUntil { Set($0.map(\.resource)) == [ours, strangers] }
            let found = try await cloud.reconcile()
            // t3.medium for 730 hours, and 30 GiB of gp3.
            #expect(found.allSatisfy { abs(($0.monthlyUSD ?? 0) - 32.768) < 0.01 && $0.next == "quarantine" })
            #expect(try await cloud.living().instances == 3)

            try await cloud.reconcile(apply: true)
            #expect(try await cloud.living().instances == 3)
            try await cloud.reconcileUntil { $0.contains { $0.next == "delete" } }
            let tags = try await cloud.instance(ours)?["tags"]?.object ?? [:]
            #expect(tags["molecule:quarantined-at"] != nil)

            let rest = try await cloud.reconcile(apply: true)
            #expect(try await cloud.instance(ours)?["state"]?.string != "running")
            #expect(try await cloud.instance(others)?["state"]?.string == "running")
            #expect(try await cloud.instance(others)?["tags"]?.object?["molecule:quarantined-at"] == nil)
            #expect(rest.first { $0.resource == strangers }?.next == "person")

            try await cloud.reconcile(apply: true, deleteUnknown: true)
            #expect(try await cloud.instance(strangers)?["state"]?.string != "running")
            try await cloud.reconcileUntil { $0.isEmpty }
        }
    }

    @Test func deletesNothingWhenItIsTooMuch() async throws {
        let careful = Self.eager.merging([
            "RECONCILE_MAX_DELETE_PERCENT": "5", "RECONCILE_MAX_DELETE_FLOOR": "2",
        ]) { $1 }
        try await TestCloud.run(careful) { cloud in
            try await cloud.signUp("gone")
            try await cloud.await("gone", "running")
            let org = try await cloud.orgID("gone")
            _ = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/gone", body: #"{"confirm":"gone"}"#)
            for _ in 0..<3 { _ = try await cloud.launch(platform: "molecule", org: org) }
            try await cloud.reconcileUntil { $0.count == 3 }
            try await cloud.reconcile(apply: true)
            try await cloud.reconcileUntil { $0.allSatisfy { $0.next == "refuse" } }
            let answer = try await cloud.service.send(
                "POST", "/cp/admin/reconcile", body: #"{"dry_run":false}"#)
            #expect(answer.json["run"]?.object?["outcome"]?.string == "refused")
            #expect(try await cloud.living().instances == 3)
        }
    }

    @Test func marksWhatIsGoneAndSaysSoUntilAPersonActs() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let instance = try await cloud.ids("instances")[0]
            try await cloud.operate("PUT", "instances/\(instance)", #"{"state":"vanish"}"#)
            let found = try await cloud.reconcile(apply: true)
            #expect(found.contains { $0.resource == instance && $0.next == "mark_gone" })
            #expect(found.allSatisfy { $0.category == "ghost" })
            try await cloud.reconcileUntil { $0.map(\.next) == ["person"] }
            let live = try await cloud.service.count(
                "resource_ledger WHERE kind = 'instance' AND state = 'live'")
            #expect(live == 0)
            let drift = try await cloud.service.send("GET", "/cp/admin/drift")
            #expect(drift.json["findings"]?.array?.count == 1)
            let orphans = try await cloud.service.send("GET", "/cp/admin/orphans")
            #expect(orphans.json["findings"]?.array?.isEmpty == true)
        }
    }

    @Test func asksInBatchesAndOneAtATime() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            for slug in ["one", "two", "three"] { try await cloud.signUp(slug) }
            for slug in ["one", "two", "three"] { try await cloud.await(slug, "running") }
            try await cloud.operate("DELETE", "calls")
            try await cloud.reconcile()
            let totals = try await cloud.operate("GET", "calls")["totals"]?.object ?? [:]
            #expect(totals["ec2"]?.object?["DescribeInstances"]?.number == 1)
            #expect(totals["cloudflare"]?.object?["listTunnels"]?.number == 1)
            #expect(totals["cloudflare"]?.object?["listRecords"]?.number == 1)

            let store = ReconcilerStore(database: cloud.service.platform.database)
            #expect(try await store.claim(owner: "another", .person, lease: .seconds(60)))
            let refused = try await cloud.service.send(
                "POST", "/cp/admin/reconcile", body: #"{"dry_run":true}"#)
            #expect(refused.status == 409 && refused.code == "reconcile_in_progress")
        }
    }

    @Test func aSignalIsCarriedOutOnceByOneOfManyAndAfterARunThatIsUnderWay() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            let platform = cloud.service.platform
            let store = ReconcilerStore(database: platform.database)
            // Two more replicas' reconcilers beside the service's own.
            let others = (0..<2).map { _ in
                Task { await Reconciler(fleet: platform.fleet).runBySignal() }
            }
            #expect(try await store.claim(owner: "another", .person, lease: .seconds(5)))
            let answer = try await cloud.service.send(
                "POST", "/cp/admin/reconcile", body: #"{"dry_run":false,"wait":false}"#)
            #expect(answer.status == 202 && answer.json["ordered_at"]?.string != nil, "\(answer.json)")
            #expect(try await cloud.service.count("reconciler_runs") == 0)
            for _ in 0..<600 where try await cloud.service.count("reconciler_runs") == 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            // Whoever came second looks again a second later.
            try await Task.sleep(for: .seconds(2.5))
            #expect(try await cloud.service.count("reconciler_runs") == 1)
            #expect(try await cloud.service.count("reconciler_runs WHERE mode = 'repair'") == 1)
            for other in others { other.cancel() }
        }
    }

    @Test func aRunWhoseLeaseIsLostEndsAndChangesNothing() async throws {
        try await TestCloud.run(Self.eager.merging(["CP_LEASE_SECONDS": "2"]) { $1 }) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let instance = try await cloud.ids("instances")[0]
            try await cloud.operate("PUT", "instances/\(instance)", #"{"state":"stop"}"#)
            // A list that takes long: the lease is renewed meanwhile, until somebody else has it.
            let slow = #"{"service":"ec2","operation":"DescribeVolumes","fault":"silence","seconds":20}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(slow)]}"#)
            let order = Task {
                try await cloud.service.send(
                    "POST", "/cp/admin/reconcile", body: #"{"dry_run":false}"#)
            }
            try await Task.sleep(for: .seconds(8))
            let held = try await cloud.service.count("reconciler_lease WHERE leased_until > now()")
            #expect(held == 1)
            try await cloud.service.platform.database.execute(
                "UPDATE reconciler_lease SET owner = 'another', leased_until = now() + interval '60 s'")
            let answer = try await order.value
            #expect(answer.code == "reconcile_lost", "\(answer.json)")
            #expect(try await cloud.service.count("workflows WHERE kind = 'mend_tenant'") == 0)
            #expect(try await cloud.service.count("reconciler_lease WHERE owner = 'another'") == 1)
        }
    }

    @Test func changesNothingWhenAListCannotBeRead() async throws {
        try await TestCloud.run(Self.eager) { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let rule = #"{"service":"cloudflare","operation":"listTunnels","fault":"malformed","count":50}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(rule)]}"#)
            let answer = try await cloud.service.send(
                "POST", "/cp/admin/reconcile", body: #"{"dry_run":false}"#)
            #expect(answer.status >= 500)
            #expect(try await cloud.service.count("reconciler_runs WHERE outcome = 'failed'") == 1)
            #expect(try await cloud.service.count("reconciler_findings") == 0)
        }
    }
}

/// A finding as a route answers it.
struct FoundThing: Equatable {
    var category: String
    var code: String
    var resource: String
    var slug: String?
    var next: String
    var monthlyUSD: Double?

    init(_ json: JSONValue) {
        func text(_ key: String) -> String { json.object?[key]?.string ?? "" }
        (category, code, resource) = (text("category"), text("code"), text("resource"))
        slug = json.object?["slug"]?.string
        next = text("next_action")
        if case .number(let amount) = json.object?["monthly_usd"] { monthlyUSD = amount }
    }
}

extension TestCloud {
    /// - Returns: the open findings.
    @discardableResult
    func reconcile(apply: Bool = false, deleteUnknown: Bool = false) async throws -> [FoundThing] {
        let answer = try await service.send(
            "POST", "/cp/admin/reconcile",
            body: #"{"dry_run":\#(!apply),"delete_unknown":\#(deleteUnknown)}"#)
        #expect(answer.status == 200, "\(answer.json)")
        return (answer.json["findings"]?.array ?? []).map(FoundThing.init)
    }

    func reconcileUntil(_ condition: ([FoundThing]) -> Bool) async throws {
        var last: [FoundThing] = []
        for _ in 0..<600 {
            last = try await reconcile()
            if condition(last) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the findings never became right: \(last)")
    }

    func ids(_ list: String) async throws -> [String] {
        try await state()[list]?.array?.compactMap { $0.object?["id"]?.string } ?? []
    }

    func instance(_ id: String) async throws -> [String: JSONValue]? {
        try await state()["instances"]?.array?.compactMap(\.object).first { $0["id"]?.string == id }
    }

    func orgID(_ slug: String) async throws -> UUID {
        let org = try await OrgStore(database: service.platform.database).require(slug: Slug(slug))
        return org.id
    }

    /// An instance that nobody's workflow has launched.
    func launch(platform: String, org: UUID) async throws -> String {
        let settings = service.platform.configuration.launch
        return try await service.platform.fleet.ec2.runInstances(
            RunInstancesRequest(
                imageID: settings.imageID, instanceType: "t3.medium", clientToken: UUID().text,
                subnetID: settings.subnetIDs[0], securityGroupIDs: [settings.securityGroupID],
                volumeGigabytes: 30, userData: [],
                tags: [
                    ResourceTag.platform: platform, ResourceTag.org: org.text, ResourceTag.slug: "gone",
                    ResourceTag.launch: UUID().text,
                ])
        ).id
    }
}
