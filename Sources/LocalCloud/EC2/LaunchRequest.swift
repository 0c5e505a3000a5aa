#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// RunInstances, checked.
struct LaunchRequest: Sendable {
    static let maximumUserDataBytes = 16 * 1024
    static let maximumTokenLength = 64

    var imageID: String
    var type: String
    var count: Int
    var minimumCount: Int
    var subnet: VirtualNetwork.Subnet
    /// A subnet or a zone was named: the client token then holds in that zone only.
    var zonal: Bool
    var securityGroupIDs: [String]
    var userData: [UInt8]
    var profile: String?
    var clientToken: String?
    var metadata: MetadataOptions
    /// As named: what they are besides, the image decides.
    private var namedVolumes: [VolumeRequest]
    private var volumeTags: [String: String]
    var tags: [String: String]
    /// Everything that a retry with the same client token must repeat.
    var fingerprint: [String: String]

    init(_ parameters: QueryParameters, network: VirtualNetwork) throws {
        imageID = try parameters.required("ImageId")
        guard ResourceID.isWellFormed(imageID, "ami") else {
            throw AWSError("InvalidAMIID.Malformed", "Invalid id: \"\(imageID)\" (expecting \"ami-...\")")
        }
        type = parameters["InstanceType"] ?? "t3.micro"
        guard InstanceType.memoryMiB[type] != nil else {
            throw AWSError("InvalidParameterValue", "Invalid value '\(type)' for InstanceType.")
        }
        (minimumCount, count) = try Self.counts(parameters)
        (subnet, zonal) = try Self.placement(parameters, network)
        securityGroupIDs = try Self.groups(parameters, network)
        userData = try Self.userData(parameters)
        profile = parameters["IamInstanceProfile.Arn"] ?? parameters["IamInstanceProfile.Name"]
        clientToken = try Self.token(parameters)
        metadata = try Self.metadata(parameters.structure("MetadataOptions"))
        volumeTags = try TagSpecifications.tags(parameters, for: "volume")
        namedVolumes = try Self.volumes(parameters, volumeTags)
        tags = try TagSpecifications.tags(parameters, for: "instance")
        fingerprint = parameters.fingerprint(without: ["ClientToken", "Action", "Version", "DryRun"])
    }

    private static func counts(_ parameters: QueryParameters) throws -> (minimum: Int, maximum: Int) {
        guard let minimum = try parameters.integer("MinCount") else { throw AWSError.missing("MinCount") }
        guard let maximum = try parameters.integer("MaxCount") else { throw AWSError.missing("MaxCount") }
        guard minimum >= 1, maximum >= minimum else {
            throw AWSError.invalid(String(minimum), for: "minCount", "Must be between 1 and maxCount.")
        }
        return (minimum, maximum)
    }

    private static func placement(
        _ parameters: QueryParameters, _ network: VirtualNetwork
    ) throws -> (VirtualNetwork.Subnet, Bool) {
        let id = parameters["SubnetId"] ?? parameters["NetworkInterface.1.SubnetId"]
        if let id { return (try network.subnet(id), true) }
        guard let zone = parameters["Placement.AvailabilityZone"] else { return (network.subnets[0], false) }
        guard let subnet = network.subnets.first(where: { $0.zone == zone }) else {
            throw AWSError("InvalidParameterValue", "Invalid availability zone: [\(zone)]")
        }
        return (subnet, true)
    }

    private static func groups(_ parameters: QueryParameters, _ network: VirtualNetwork) throws -> [String] {
        let named =
            parameters.list("SecurityGroupId") + parameters.list("NetworkInterface.1.SecurityGroupId")
        for id in named { _ = try network.group(id) }
        return named.isEmpty ? [VirtualNetwork.defaultGroupID] : named
    }

    /// Source: EC2 user guide: user data is limited to 16 KB in raw form, before it is base64-encoded.
    private static func userData(_ parameters: QueryParameters) throws -> [UInt8] {
        guard let text = parameters["UserData"], !text.isEmpty else { return [] }
        guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
            throw AWSError("InvalidParameterValue", "Invalid BASE64 encoding of user data.")
        }
        guard data.count <= maximumUserDataBytes else {
            throw AWSError("InvalidParameterValue", "User data is limited to 16384 bytes")
        }
        return Array(data)
    }

    private static func token(_ parameters: QueryParameters) throws -> String? {
        guard let token = parameters["ClientToken"] else { return nil }
        guard token.utf8.count <= maximumTokenLength, token.allSatisfy(\.isASCII) else {
            throw AWSError.invalid(token, for: "clientToken", "At most 64 ASCII characters.")
        }
        return token
    }

    private static func metadata(_ parameters: QueryParameters) throws -> MetadataOptions {
        var options = MetadataOptions()
        switch parameters["HttpTokens"] {
        case nil, "required": options.tokensRequired = true
        case "optional": options.tokensRequired = false
        case let other?: throw AWSError.invalid(other, for: "HttpTokens")
        }
        options.hopLimit = try parameters.integer("HttpPutResponseHopLimit") ?? 2
        guard (1...64).contains(options.hopLimit) else {
            throw AWSError.invalid(String(options.hopLimit), for: "HttpPutResponseHopLimit", "1 to 64.")
        }
        options.enabled = parameters["HttpEndpoint"] != "disabled"
        options.tagsEnabled = parameters["InstanceMetadataTags"] == "enabled"
        return options
    }

    /// The root volume first. One that is named as the image names it is the root; every other comes beside
    /// the root, which is then as the image has it.
    func volumes(of image: MachineImage) -> [VolumeRequest] {
        let root =
            namedVolumes.first { $0.deviceName == image.rootDevice }
            ?? VolumeRequest(
                deviceName: image.rootDevice, sizeGiB: nil, kind: "gp3", encrypted: false,
                deleteOnTermination: true, snapshotID: nil, tags: volumeTags)
        return [root] + namedVolumes.filter { $0.deviceName != image.rootDevice }
    }

    private static func volumes(
        _ parameters: QueryParameters, _ tags: [String: String]
    ) throws -> [VolumeRequest] {
        try parameters.structures("BlockDeviceMapping").map { mapping in
            VolumeRequest(
                deviceName: try mapping.required("DeviceName"),
                sizeGiB: try mapping.integer("Ebs.VolumeSize"), kind: mapping["Ebs.VolumeType"] ?? "gp3",
                encrypted: try mapping.boolean("Ebs.Encrypted") ?? false,
                deleteOnTermination: try mapping.boolean("Ebs.DeleteOnTermination") ?? true,
                snapshotID: mapping["Ebs.SnapshotId"], tags: tags)
        }
    }
}
