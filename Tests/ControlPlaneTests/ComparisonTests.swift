import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service

/// The comparison and the plan over a great many worlds, each made by a seed.
@Suite struct ComparisonTests {
    @Test(arguments: 0..<400) func findsNothingWhereRowsAndCloudAgree(seed: UInt64) {
        let world = World(seed: seed)
        #expect(world.findings.isEmpty, "\(world.findings)")
    }

    @Test(arguments: 0..<400) func findsExactlyWhatWasDisturbed(seed: UInt64) {
        var world = World(seed: seed)
        let expected = world.disturb()
        #expect(Set(world.findings.map(\.key)) == expected)
    }

    @Test(arguments: 0..<400) func leavesWhatIsBusyOrYoungAlone(seed: UInt64) {
        var world = World(seed: seed)
        _ = world.disturb()
        for index in world.rows.tenants.indices { world.rows.tenants[index].isBusy = true }
        let known = Set(world.rows.tenants.map(\.orgID))
        #expect(!world.findings.contains { $0.orgID.map(known.contains) ?? true })
        world = World(seed: seed)
        _ = world.disturb()
        for index in world.cloud.indices { world.cloud[index].ageSeconds = 1 }
        #expect(!world.findings.contains { $0.code == .orphan })
    }

    /// Carries plans out on the model, run after run: it comes to rest, keeps every wanted thing, and needs
    /// two runs for a deletion.
    @Test(arguments: 0..<400) func comesToRest(seed: UInt64) {
        var world = World(seed: seed)
        let kept = Set(world.cloud.map(\.id))
        _ = world.disturb()
        var history: [Finding.Key: Plan.History] = [:]
        for run in 0..<4 {
            let plan = world.plan(history, now: Date(timeIntervalSince1970: Double(run)))
            #expect(plan.refusal == nil)
            if run == 0 { #expect(!plan.items.contains { $0.action == .delete }) }
            for item in plan.items where item.action == .quarantine {
                history[item.finding.key] = .init(quarantinedAt: Date(timeIntervalSince1970: Double(run)))
            }
            for item in plan.items where item.action == .delete {
                #expect(!kept.contains(item.finding.resource), "deletes what is kept")
            }
            world.carryOut(plan)
        }
        let left = world.plan(history, now: Date(timeIntervalSince1970: 9)).items
        #expect(!left.contains { $0.action.isActive }, "\(left)")
        // What no row knows is left to a person.
        #expect(left.allSatisfy { $0.action == .person })
    }

    @Test(arguments: 1..<60) func deletesAllThatAreDueOrNoneBeyondTheShare(orphans: Int) {
        let findings = (0..<orphans).map { number in
            Finding(
                code: .orphan, kind: .volume, resource: "vol-\(number)", place: "here", name: "", detail: "",
                quarantinedAt: Date(timeIntervalSince1970: 0))
        }
        let plan = Plan(
            findings, history: [:], seen: 200, rows: 0, now: Date(timeIntervalSince1970: 100),
            policy: .init(graceSeconds: 10, sharePercent: 10, floor: 3))
        let deletions = plan.items.filter { $0.action == .delete }.count
        #expect(deletions == (orphans <= 20 ? orphans : 0))
        #expect((plan.refusal != nil) == (orphans > 20))
    }

    @Test func keepsAnOrphanForItsGracePeriod() {
        let orphan = Finding(
            code: .orphan, kind: .tunnel, resource: "t", place: "a", name: "", detail: "",
            isOrgKnown: false)
        func action(_ since: Double?, now: Double, unknown: Bool = false) -> Plan.Action? {
            let history = since.map {
                [orphan.key: Plan.History(quarantinedAt: Date(timeIntervalSince1970: $0))]
            }
            return Plan(
                [orphan], history: history ?? [:], seen: 1, rows: 0, now: Date(timeIntervalSince1970: now),
                policy: .init(graceSeconds: 60, sharePercent: 5, floor: 3, deletesUnknown: unknown)
            ).items[0].action
        }
        #expect(action(nil, now: 0) == .quarantine)
        #expect(action(0, now: 59) == .wait)
        #expect(action(0, now: 60) == .person)
        #expect(action(0, now: 60, unknown: true) == .delete)
    }

    @Test func readsATunnelsName() {
        let name = TunnelName("molecule-tenant-a-b-0123abcd", platform: "molecule")
        #expect(name?.slug == "a-b" && name?.launchPrefix == "0123abcd")
        for other in ["other-tenant-a-0123abcd", "molecule-tenant-0123abcd", "molecule-tenant-a-012", ""] {
            #expect(TunnelName(other, platform: "molecule") == nil)
        }
    }
}
