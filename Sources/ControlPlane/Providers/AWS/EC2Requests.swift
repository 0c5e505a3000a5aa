import Foundation

/// Instances must match every filter, by any of its values. Source: DescribeInstances.
package struct EC2Filter: Sendable {
    package var name: String
    package var values: [String]

    package init(name: String, values: [String]) {
        self.name = name
        self.values = values
    }
}

/// One instance: IMDSv2 required, volume encrypted, terminated together with its volume.
package struct RunInstancesRequest: Sendable {
    package var imageID: String
    package var instanceType: String
    /// At most 64 ASCII characters. The same token with the same parameters launches once.
    package var clientToken: String
    package var subnetID: String
    package var securityGroupIDs: [String]
    package var instanceProfileName: String?
    package var volumeGigabytes: Int
    /// What the volume starts from; nil: the image's own.
    package var snapshotID: String?
    /// At most 16,384 bytes before base64.
    package var userData: [UInt8]
    package var tags: [String: String]

    package init(
        imageID: String, instanceType: String, clientToken: String, subnetID: String,
        securityGroupIDs: [String], instanceProfileName: String? = nil, volumeGigabytes: Int,
        snapshotID: String? = nil, userData: [UInt8], tags: [String: String]
    ) {
        self.imageID = imageID
        self.instanceType = instanceType
        self.clientToken = clientToken
        self.subnetID = subnetID
        self.securityGroupIDs = securityGroupIDs
        self.instanceProfileName = instanceProfileName
        self.volumeGigabytes = volumeGigabytes
        self.snapshotID = snapshotID
        self.userData = userData
        self.tags = tags
    }

    package var parameters: [(String, String)] {
        base + network + metadata + volume + profile + tagged("instance", 1) + tagged("volume", 2)
    }

    private var base: [(String, String)] {
        [
            ("ImageId", imageID), ("InstanceType", instanceType), ("MinCount", "1"), ("MaxCount", "1"),
            ("ClientToken", clientToken), ("UserData", Data(userData).base64EncodedString()),
            ("InstanceInitiatedShutdownBehavior", "stop"),
        ]
    }

    private var network: [(String, String)] {
        [("SubnetId", subnetID)] + securityGroupIDs.enumerated().map { ("SecurityGroupId.\($0 + 1)", $1) }
    }

    /// A hop limit of 1: a container behind the instance's bridge cannot reach the metadata service.
    private var metadata: [(String, String)] {
        [
            ("MetadataOptions.HttpTokens", "required"), ("MetadataOptions.HttpEndpoint", "enabled"),
            ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ]
    }

    private var volume: [(String, String)] {
        let device = "BlockDeviceMapping.1"
        return [
            ("\(device).DeviceName", "/dev/xvda"), ("\(device).Ebs.VolumeSize", "\(volumeGigabytes)"),
            ("\(device).Ebs.VolumeType", "gp3"), ("\(device).Ebs.Encrypted", "true"),
            ("\(device).Ebs.DeleteOnTermination", "true"),
        ] + (snapshotID.map { [("\(device).Ebs.SnapshotId", $0)] } ?? [])
    }

    private var profile: [(String, String)] {
        instanceProfileName.map { [("IamInstanceProfile.Name", $0)] } ?? []
    }

    private func tagged(_ resource: String, _ number: Int) -> [(String, String)] {
        let specification = "TagSpecification.\(number)"
        return [("\(specification).ResourceType", resource)]
            + tags.sorted { $0.key < $1.key }.enumerated().flatMap { index, tag in
                [
                    ("\(specification).Tag.\(index + 1).Key", tag.key),
                    ("\(specification).Tag.\(index + 1).Value", tag.value),
                ]
            }
    }
}
