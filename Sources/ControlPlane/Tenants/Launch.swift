import FoundationEssentials
import TenantProtocol

/// What a tenant's instance is made of, decided once before anything is created.
///
/// A repeated RunInstances must send exactly the same parameters under its ClientToken, also when the
/// configuration changed in between, so they are read from this record and not from the configuration.
struct Launch: Codable, Sendable {
    var hostname: String
    var tunnelName: String
    var imageID: String
    var instanceType: String
    var subnetID: String
    var securityGroupID: String
    var instanceProfile: String?
    /// As the image calls its root volume; nil in launches from before it was asked for.
    var rootDevice: String?
    var volumeGigabytes: Int
    var agentURL: String
    var agentSHA256: String
    /// Where the tunnel and the DNS record live; nil in launches from before there was a choice.
    var cloudflareAccountID: String?
    var cloudflareZoneID: String?
    /// Marks the instance as this platform's.
    var platformID: String?
    /// What the volume starts from, when a deleted tenant comes back.
    var snapshotID: String?
    /// With digests: a tag that moves changes nothing.
    var stack: Declaration.Stack

    /// - Parameters:
    ///   - placement: nil for a tenant from before there was a choice.
    ///   - snapshotID: what the volume starts from; nil: the image's own.
    init(
        slug: String, launchID: UUID, placement: Placement?, snapshotID: String? = nil,
        configuration: Configuration, stack: Declaration.Stack
    ) {
        let settings = configuration.launch
        let placement = placement ?? Placement(configuration, place: 0, subnet: 0)
        hostname = "\(slug).\(placement.domain(in: configuration))"
        tunnelName = "\(configuration.platformID)-tenant-\(slug)-\(launchID.text.prefix(8))"
        imageID = settings.imageID
        instanceType = settings.instanceType
        subnetID = placement.subnetID
        cloudflareAccountID = placement.accountID
        cloudflareZoneID = placement.zoneID
        platformID = configuration.platformID
        self.snapshotID = snapshotID
        securityGroupID = settings.securityGroupID
        instanceProfile = settings.instanceProfile
        volumeGigabytes = settings.volumeGigabytes
        agentURL = settings.agentURL
        agentSHA256 = settings.agentSHA256
        self.stack = stack
    }
}
