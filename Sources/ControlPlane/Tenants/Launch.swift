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
    var volumeGigabytes: Int
    var agentURL: String
    var agentSHA256: String
    /// With digests: a tag that moves changes nothing.
    var stack: Declaration.Stack

    init(slug: String, launchID: UUID, settings: Configuration.LaunchSettings, stack: Declaration.Stack) {
        hostname = "\(slug).\(settings.tenantDomain)"
        tunnelName = "tenant-\(slug)-\(launchID.text.prefix(8))"
        imageID = settings.imageID
        instanceType = settings.instanceType
        subnetID = settings.subnetID
        securityGroupID = settings.securityGroupID
        instanceProfile = settings.instanceProfile
        volumeGigabytes = settings.volumeGigabytes
        agentURL = settings.agentURL
        agentSHA256 = settings.agentSHA256
        self.stack = stack
    }
}
