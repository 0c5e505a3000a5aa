import FoundationEssentials
import TenantProtocol

/// What a tenant's instance is made of, decided once before anything is created.
///
/// A repeated RunInstances must send exactly the same parameters under its ClientToken, also when the
/// settings changed in between, so they are read from this record and not from the settings.
package struct Launch: Codable, Sendable {
    package var hostname: String
    var tunnelName: String
    package var imageID: String
    package var instanceType: String
    var subnetID: String
    package var securityGroupID: String
    package var instanceProfile: String?
    package var volumeGigabytes: Int
    package var agentURL: String
    package var agentSHA256: String
    /// Where the tunnel and the DNS record live; nil in launches from before there was a choice.
    package var cloudflareAccountID: String?
    package var cloudflareZoneID: String?
    /// Marks the instance as this platform's.
    package var platformID: String?
    /// What the volume starts from, when a deleted tenant comes back.
    var snapshotID: String?
    /// With digests: a tag that moves changes nothing.
    package var stack: Declaration.Stack

    /// - Parameters:
    ///   - placement: nil for a tenant from before there was a choice.
    ///   - snapshotID: what the volume starts from; nil: the image's own.
    package init(
        slug: String, launchID: UUID, placement: Placement?, snapshotID: String? = nil,
        settings: FleetSettings, stack: Declaration.Stack
    ) {
        let launch = settings.launch
        let placement = placement ?? Placement(settings, place: 0, subnet: 0)
        hostname = "\(slug).\(placement.domain(in: settings))"
        tunnelName = "\(settings.platformID)-tenant-\(slug)-\(launchID.text.prefix(8))"
        imageID = launch.imageID
        instanceType = launch.instanceType
        subnetID = placement.subnetID
        cloudflareAccountID = placement.accountID
        cloudflareZoneID = placement.zoneID
        platformID = settings.platformID
        self.snapshotID = snapshotID
        securityGroupID = launch.securityGroupID
        instanceProfile = launch.instanceProfile
        volumeGigabytes = launch.volumeGigabytes
        agentURL = launch.agentURL
        agentSHA256 = launch.agentSHA256
        self.stack = stack
    }
}
