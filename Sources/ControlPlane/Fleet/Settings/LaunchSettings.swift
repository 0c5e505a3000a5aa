import Providers

/// What a new tenant's instance is made of.
package struct LaunchSettings: Sendable {
    package var publicURL: String
    package var certificateAuthority: String?
    package var tenantDomain: String
    /// Where the platform itself asks a tenant for its health; `{slug}` and `{hostname}` are replaced.
    package var edgeURL: String
    package var imageID: String
    package var instanceType: String
    /// At least one. New tenants spread over them.
    package var subnetIDs: [String]
    package var securityGroupID: String
    package var instanceProfile: String?
    package var volumeGigabytes: Int
    /// PEM of the certificate that signs instance identity documents in the region.
    package var identityCertificate: String
    package var registryURL: String
    package var images: StackImages
    package var agentURL: String
    package var agentSHA256: String
    package var bootScript: String

    package init(
        publicURL: String, certificateAuthority: String? = nil, tenantDomain: String, edgeURL: String,
        imageID: String, instanceType: String, subnetIDs: [String], securityGroupID: String,
        instanceProfile: String? = nil, volumeGigabytes: Int, identityCertificate: String,
        registryURL: String, images: StackImages, agentURL: String, agentSHA256: String, bootScript: String
    ) {
        self.publicURL = publicURL
        self.certificateAuthority = certificateAuthority
        self.tenantDomain = tenantDomain
        self.edgeURL = edgeURL
        self.imageID = imageID
        self.instanceType = instanceType
        self.subnetIDs = subnetIDs
        self.securityGroupID = securityGroupID
        self.instanceProfile = instanceProfile
        self.volumeGigabytes = volumeGigabytes
        self.identityCertificate = identityCertificate
        self.registryURL = registryURL
        self.images = images
        self.agentURL = agentURL
        self.agentSHA256 = agentSHA256
        self.bootScript = bootScript
    }
}
