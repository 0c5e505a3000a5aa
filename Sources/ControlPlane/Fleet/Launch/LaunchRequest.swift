import FoundationEssentials
import Providers

/// The tags by which everything of an organisation, and of this fleet, is found again at the provider.
package enum ResourceTag {
    package static let platform = "molecule:platform"
    package static let org = "molecule:org-id"
    package static let slug = "molecule:org-slug"
    package static let launch = "molecule:launch-id"
}

extension Launch {
    /// - Parameter token: the launch's id; its text is the ClientToken (36 of at most 64 ASCII characters).
    package func request(orgID: UUID, slug: String, token: UUID, userData: [UInt8]) -> RunInstancesRequest {
        RunInstancesRequest(
            imageID: imageID, instanceType: instanceType, clientToken: token.text, subnetID: subnetID,
            securityGroupIDs: [securityGroupID], instanceProfileName: instanceProfile,
            volumeGigabytes: volumeGigabytes, snapshotID: snapshotID, userData: userData,
            tags: tags(orgID: orgID, slug: slug, launchID: token))
    }

    package func tags(orgID: UUID, slug: String, launchID: UUID) -> [String: String] {
        var tags = [
            "Name": "tenant-\(slug)", ResourceTag.org: orgID.text, ResourceTag.slug: slug,
            ResourceTag.launch: launchID.text,
        ]
        tags[ResourceTag.platform] = platformID
        return tags
    }

    /// What a DNS record says about its owner.
    func recordComment(orgID: UUID) -> String { "\(platformID ?? "molecule") org \(orgID.text)" }
}
