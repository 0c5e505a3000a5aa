import FoundationEssentials
import Organisations
import Providers
import TenantProtocol

/// A living instance that the rows do not name, and what else is left of its tenant in the cloud.
package struct Adoptee: Sendable, Encodable {
    package enum Change: String, Sendable, Encodable {
        /// The organisation is unknown.
        case insertOrg = "insert_org"
        /// The organisation is known, its tenant is not.
        case insertTenant = "insert_tenant"
        /// The rows name an earlier launch, or not all of this one.
        case updateTenant = "update_tenant"
        /// The rows say something that adopting would contradict: a person decides.
        case conflict
    }

    package var change: Change
    package var orgID: UUID
    package var slug: String
    package var launchID: UUID
    package var instanceID: String
    package var privateIP: String?
    package var instanceType: String?
    package var imageID: String?
    var subnetID: String?
    package var tunnelID: String?
    var tunnelName: String?
    package var accountID: String?
    var recordID: String?
    package var hostname: String?
    package var zoneID: String?
    /// What stands in the way, or cannot be rebuilt.
    package var notes: [String] = []

    private enum CodingKeys: String, CodingKey {
        case change, slug, hostname, notes
        case orgID = "org_id"
        case launchID = "launch_id"
        case instanceID = "instance_id"
        case privateIP = "private_ip"
        case instanceType = "instance_type"
        case tunnelID = "tunnel_id"
        case accountID = "account_id"
        case recordID = "record_id"
        case zoneID = "zone_id"
    }
}

/// Finds what to adopt when the database was restored from an old backup. Pure.
struct Adoption: Sendable {
    let platformID: String

    /// - Parameters:
    ///   - instances: with this platform's tag.
    ///   - cloud: the tunnels and records among it are looked at.
    func adoptees(_ instances: [EC2Instance], _ cloud: [CloudResource], _ rows: PlatformRows) -> [Adoptee] {
        let living = instances.filter { !["terminated", "shutting-down"].contains($0.state) }
        let byOrg = Dictionary(grouping: living.compactMap(Self.basis), by: \.orgID)
        return byOrg.values.compactMap { candidates in
            // Of several launches the last one is the tenant; the others are orphans.
            let newest = candidates.max { $0.launchedAt < $1.launchedAt }
            return newest.flatMap { adoptee($0.adoptee, cloud, rows, living) }
        }.sorted { $0.slug < $1.slug }
    }

    private struct Candidate {
        var adoptee: Adoptee
        var launchedAt: Date
        var orgID: UUID { adoptee.orgID }
    }

    /// What the instance's own tags say; nil without all of them.
    private static func basis(_ instance: EC2Instance) -> Candidate? {
        guard let org = instance.tags[ResourceTag.org].flatMap(UUID.init(uuidString:)),
            let launch = instance.tags[ResourceTag.launch].flatMap(UUID.init(uuidString:)),
            let slug = instance.tags[ResourceTag.slug], (try? Slug(slug)) != nil
        else { return nil }
        let adoptee = Adoptee(
            change: .insertOrg, orgID: org, slug: slug, launchID: launch, instanceID: instance.id,
            privateIP: instance.privateIPAddress, instanceType: instance.instanceType,
            imageID: instance.imageID, subnetID: instance.subnetID)
        return Candidate(adoptee: adoptee, launchedAt: instance.launchedAt ?? .distantPast)
    }

    private func adoptee(
        _ basis: Adoptee, _ cloud: [CloudResource], _ rows: PlatformRows, _ living: [EC2Instance]
    ) -> Adoptee? {
        var adoptee = basis
        let name = "\(TunnelName.prefix(platform: platformID))\(basis.slug)-\(basis.launchID.text.prefix(8))"
        if let tunnel = cloud.first(where: { $0.kind == .tunnel && $0.name == name }) {
            (adoptee.tunnelID, adoptee.tunnelName, adoptee.accountID) = (tunnel.id, name, tunnel.place)
        } else {
            adoptee.notes.append("there is no tunnel \(name)")
        }
        let records = cloud.filter { $0.kind == .dnsRecord && $0.orgID == basis.orgID }
        if let record = records.first(where: { $0.content == "\(adoptee.tunnelID ?? "-").cfargotunnel.com" })
            ?? records.first
        {
            (adoptee.recordID, adoptee.hostname, adoptee.zoneID) = (record.id, record.name, record.place)
        } else {
            adoptee.notes.append("there is no DNS record")
        }
        return judged(adoptee, rows, living)
    }

    /// nil where the rows say the same already, or a workflow is at work.
    private func judged(_ adoptee: Adoptee, _ rows: PlatformRows, _ living: [EC2Instance]) -> Adoptee? {
        var adoptee = adoptee
        func conflict(_ why: String) -> Adoptee {
            adoptee.change = .conflict
            adoptee.notes.insert(why, at: 0)
            return adoptee
        }
        guard let known = rows.tenants.first(where: { $0.orgID == adoptee.orgID }) else {
            let holder = rows.tenants.first { $0.slug == adoptee.slug && $0.status != .purged }
            return holder == nil ? adoptee : conflict("another organisation has the slug")
        }
        if known.isBusy { return nil }
        guard known.isWanted else { return conflict("its organisation is \(known.status.rawValue)") }
        if known.launchID == nil {
            adoptee.change = .insertTenant
            return adoptee
        }
        let isSame =
            known.instanceID == adoptee.instanceID && known.tunnelID == adoptee.tunnelID
            && known.launchID == adoptee.launchID && known.hostname != nil
        if isSame { return nil }
        if let other = known.instanceID, other != adoptee.instanceID,
            living.contains(where: { $0.id == other })
        {
            return conflict("the rows name the instance \(other), which lives as well")
        }
        adoptee.change = .updateTenant
        return adoptee
    }
}
