import FoundationEssentials

/// The tags by which everything of an organisation, and of this platform, is found again at the provider.
enum ResourceTag {
    static let platform = "molecule:platform"
    static let org = "molecule:org-id"
    static let slug = "molecule:org-slug"
    static let launch = "molecule:launch-id"
}

extension Launch {
    /// - Parameter token: the launch's id; its text is the ClientToken (36 of at most 64 ASCII characters).
    func request(orgID: UUID, slug: String, token: UUID, userData: [UInt8]) -> RunInstancesRequest {
        RunInstancesRequest(
            imageID: imageID, instanceType: instanceType, clientToken: token.text, subnetID: subnetID,
            securityGroupIDs: [securityGroupID], instanceProfileName: instanceProfile,
            // What a launch without it was sent with the first time.
            rootDevice: rootDevice ?? "/dev/xvda", volumeGigabytes: volumeGigabytes, snapshotID: snapshotID,
            userData: userData,
            tags: tags(orgID: orgID, slug: slug, launchID: token))
    }

    func tags(orgID: UUID, slug: String, launchID: UUID) -> [String: String] {
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

extension Platform {
    /// RunInstances under the launch's own ClientToken, always with the same parameters: a repeated call
    /// launches nothing more, and answers the instance of the first.
    func runInstance(_ launch: Launch, of tenant: Tenant, slug: String) async throws -> EC2Instance {
        let secrets = try await openSecrets(of: tenant)
        let declaration = declaration(orgID: tenant.orgID, slug: slug, launch: launch)
        let userData = try UserData(template: configuration.launch.bootScript)
            .render(declaration, launch: launch, bootToken: secrets.bootToken)
        return try await ec2.runInstances(
            launch.request(
                orgID: tenant.orgID, slug: slug, token: tenant.launchID, userData: userData))
    }
}
