import Foundation

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

/// A platform and its cloud as values: every tenant whole, until something is disturbed.
struct World {
    var cloud: [CloudResource] = []
    var rows = PlatformRows(tenants: [], ledger: [])
    private var generator: SplitMix
    private let comparison = Comparison(settledSeconds: 10, region: "r")

    init(seed: UInt64) {
        generator = SplitMix(state: seed &* 0x9e37_79b9_7f4a_7c15)
        for number in 0..<Int.random(in: 1...12, using: &generator) { addTenant(number) }
    }

    var findings: [Finding] { comparison.findings(cloud, rows) }

    func plan(_ history: [Finding.Key: Plan.History], now: Date) -> Plan {
        Plan(
            findings, history: history, seen: cloud.count, rows: rows.ledger.count, now: now,
            policy: .init(graceSeconds: 1, sharePercent: 100, floor: 100))
    }

    // MARK: A world in order

    private mutating func addTenant(_ number: Int) {
        let status = [Org.Status.running, .running, .running, .purged, .failed].randomElement(
            using: &generator)!
        var tenant = PlatformRows.Tenant(
            orgID: uuid(), slug: "slug\(number)", status: status,
            ageSeconds: 100)
        tenant.launchID = uuid()
        tenant.hostname = "slug\(number).example"
        tenant.tunnelName = "molecule-tenant-slug\(number)-0000000\(number % 10)"
        (tenant.accountID, tenant.zoneID) = ("account", "zone")
        tenant.instanceType = "t3.medium"
        (tenant.expectedDigest, tenant.reportedDigest) = ("sha256:a", "sha256:a")
        if status == .running {
            (tenant.instanceID, tenant.tunnelID) = ("i-\(number)", "tunnel-\(number)")
            addResources(of: tenant, number)
        }
        if status == .purged, Bool.random(using: &generator) {
            tenant.isRetained = true
            cloud.append(resource(.snapshot, "snap-\(number)", tenant))
            addRow(.snapshot, "snap-\(number)", tenant)
        }
        rows.tenants.append(tenant)
    }

    private mutating func addResources(of tenant: PlatformRows.Tenant, _ number: Int) {
        var instance = resource(.instance, "i-\(number)", tenant)
        (instance.state, instance.instanceType) = ("running", "t3.medium")
        var volume = resource(.volume, "vol-\(number)", tenant)
        volume.attachedTo = instance.id
        var tunnel = resource(.tunnel, "tunnel-\(number)", tenant)
        (tunnel.name, tunnel.state, tunnel.orgID) = (tenant.tunnelName!, "healthy", nil)
        var record = resource(.dnsRecord, "record-\(number)", tenant)
        (record.name, record.content) = (tenant.hostname!, "tunnel-\(number).cfargotunnel.com")
        cloud += [instance, volume, tunnel, record]
        for resource in [instance, tunnel, record] { addRow(resource.kind, resource.id, tenant) }
        addRow(.tunnelConfiguration, tunnel.id, tenant)
    }

    private mutating func addRow(
        _ kind: ResourceLedger.Kind, _ id: String, _ tenant: PlatformRows.Tenant
    ) {
        rows.ledger.append(
            .init(
                orgID: tenant.orgID, kind: kind, intentID: "intent-\(id)", providerID: id,
                place: place(kind), unchangedSeconds: 100))
    }

    private func place(_ kind: ResourceLedger.Kind) -> String {
        switch kind {
        case .tunnel, .tunnelConfiguration: "account"
        case .dnsRecord: "zone"
        default: "r"
        }
    }

    private func resource(
        _ kind: ResourceLedger.Kind, _ id: String, _ tenant: PlatformRows.Tenant
    ) -> CloudResource {
        CloudResource(
            kind: kind, id: id, name: id, place: place(kind), orgID: tenant.orgID, slug: tenant.slug,
            launchID: tenant.launchID, ageSeconds: 100, monthlyUSD: 1)
    }

    private mutating func uuid() -> UUID {
        func byte() -> UInt8 { UInt8.random(in: 0...255, using: &generator) }
        return UUID(
            uuid: (
                byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(),
                byte(), byte(), byte(), byte(), byte()
            ))
    }

    // MARK: Disturbances

    /// - Returns: the findings that follow, and no others.
    mutating func disturb() -> Set<Finding.Key> {
        var expected: Set<Finding.Key> = []
        for tenant in rows.tenants where tenant.status == .running {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: expected.insert(stop(tenant))
            case 1: expected.formUnion(removeInstance(of: tenant))
            case 2: expected.insert(removeRecord(of: tenant))
            case 3: expected.insert(redirectRecord(of: tenant))
            case 4: expected.insert(disconnect(tenant))
            case 5: expected.insert(double(tenant))
            case 6: expected.insert(resize(tenant))
            default: break
            }
        }
        for tenant in rows.tenants where tenant.status == .failed {
            if Bool.random(using: &generator) { expected.insert(leak(tenant)) }
        }
        if Bool.random(using: &generator) { expected.insert(leakOfAStranger()) }
        return expected
    }

    private func index(_ kind: ResourceLedger.Kind, _ tenant: PlatformRows.Tenant) -> Int {
        let id = kind == .tunnel ? tenant.tunnelID : tenant.instanceID
        return cloud.firstIndex {
            $0.kind == kind && (kind == .dnsRecord ? $0.name == tenant.hostname : $0.id == id)
        }!
    }

    private func key(_ code: Finding.Code, _ kind: ResourceLedger.Kind, _ id: String) -> Finding.Key {
        .init(code: code.rawValue, kind: kind.rawValue, place: place(kind), resource: id)
    }

    private mutating func stop(_ tenant: PlatformRows.Tenant) -> Finding.Key {
        cloud[index(.instance, tenant)].state = "stopped"
        return key(.instanceStopped, .instance, tenant.instanceID!)
    }

    private mutating func removeInstance(of tenant: PlatformRows.Tenant) -> Set<Finding.Key> {
        cloud.remove(at: index(.instance, tenant))
        cloud.removeAll { $0.attachedTo == tenant.instanceID }
        return [key(.gone, .instance, tenant.instanceID!)]
    }

    private mutating func removeRecord(of tenant: PlatformRows.Tenant) -> Finding.Key {
        cloud.remove(at: index(.dnsRecord, tenant))
        return key(.recordMissing, .dnsRecord, tenant.hostname!)
    }

    private mutating func redirectRecord(of tenant: PlatformRows.Tenant) -> Finding.Key {
        let index = index(.dnsRecord, tenant)
        cloud[index].content = "elsewhere"
        return key(.recordWrong, .dnsRecord, cloud[index].id)
    }

    private mutating func disconnect(_ tenant: PlatformRows.Tenant) -> Finding.Key {
        let index = index(.tunnel, tenant)
        (cloud[index].state, cloud[index].silentSeconds) = ("down", 50)
        return key(.tunnelDisconnected, .tunnel, tenant.tunnelID!)
    }

    private mutating func double(_ tenant: PlatformRows.Tenant) -> Finding.Key {
        var second = resource(.instance, "second-\(tenant.slug)", tenant)
        second.state = "running"
        cloud.append(second)
        return key(.orphan, .instance, second.id)
    }

    private mutating func resize(_ tenant: PlatformRows.Tenant) -> Finding.Key {
        cloud[index(.instance, tenant)].instanceType = "t3.large"
        return key(.instanceTypeChanged, .instance, tenant.instanceID!)
    }

    private mutating func leak(_ tenant: PlatformRows.Tenant) -> Finding.Key {
        let kinds: [ResourceLedger.Kind] = [.instance, .volume, .snapshot, .dnsRecord]
        let kind = kinds.randomElement(using: &generator)!
        cloud.append(resource(kind, "leak-\(tenant.slug)", tenant))
        return key(.orphan, kind, "leak-\(tenant.slug)")
    }

    private mutating func leakOfAStranger() -> Finding.Key {
        let stranger = PlatformRows.Tenant(
            orgID: uuid(), slug: "stranger", status: .running, ageSeconds: 100)
        cloud.append(resource(.volume, "stranger", stranger))
        return key(.orphan, .volume, "stranger")
    }

    // MARK: What repairs lead to

    mutating func carryOut(_ plan: Plan) {
        for item in plan.items {
            switch (item.action, item.finding.code) {
            case (.delete, _): cloud.removeAll { $0.id == item.finding.resource }
            case (.markGone, _):
                rows.ledger.removeAll {
                    $0.kind == item.finding.kind && $0.providerID == item.finding.resource
                }
            case (.mend, let code): mend(code, item.finding)
            default: break
            }
        }
    }

    private mutating func mend(_ code: Finding.Code, _ finding: Finding) {
        let tenant = rows.tenants.first { $0.orgID == finding.orgID }!
        let content = "\(tenant.tunnelID!).cfargotunnel.com"
        switch code {
        case .instanceStopped: cloud[index(.instance, tenant)].state = "running"
        case .tunnelDisconnected: cloud[index(.tunnel, tenant)].state = "healthy"
        case .recordWrong: cloud[index(.dnsRecord, tenant)].content = content
        case .recordMissing:
            var record = resource(.dnsRecord, "again-\(tenant.slug)", tenant)
            (record.name, record.content) = (tenant.hostname!, content)
            cloud.append(record)
        default: break
        }
    }
}

/// Repeatable: the same seed gives the same numbers.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
