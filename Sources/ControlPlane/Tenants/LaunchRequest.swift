import FoundationEssentials

extension Launch {
    /// The tag by which everything of an organisation is found again at the provider.
    static let orgTag = "molecule:org-id"
    static let slugTag = "molecule:org-slug"
    static let launchTag = "molecule:launch-id"

    /// - Parameter token: the launch's id; its text is the ClientToken (36 of at most 64 ASCII characters).
    func request(orgID: UUID, slug: String, token: UUID, userData: [UInt8]) -> RunInstancesRequest {
        RunInstancesRequest(
            imageID: imageID, instanceType: instanceType, clientToken: token.text, subnetID: subnetID,
            securityGroupIDs: [securityGroupID], instanceProfileName: instanceProfile,
            volumeGigabytes: volumeGigabytes, userData: userData,
            tags: [
                "Name": "tenant-\(slug)", Self.orgTag: orgID.text, Self.slugTag: slug,
                Self.launchTag: token.text,
            ])
    }
}
