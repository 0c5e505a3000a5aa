#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the metadata service answers by path. A folder lists exactly what is under it: clients crawl the
/// listings, and wait seconds on a listed key that then answers 404.
struct MetadataTree: Sendable {
    static let versions = [
        "1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2019-10-01", "2021-03-23", "latest",
    ]

    private let leaves: [String: String]

    init(_ instance: Instance, region: String, accountID: String, identity: IdentityAuthority) throws {
        var leaves: [String: String] = [:]
        for (key, value) in Self.instanceKeys(instance, region: region, accountID: accountID) {
            leaves["meta-data/" + key] = value
        }
        leaves["dynamic/instance-identity/document"] = identity.document(instance)
        leaves["dynamic/instance-identity/rsa2048"] = try identity.pkcs7(instance)
        leaves["dynamic/instance-identity/pkcs7"] = leaves["dynamic/instance-identity/rsa2048"]
        leaves["dynamic/instance-identity/signature"] = try identity.signature(instance)
        if !instance.userData.isEmpty {
            leaves["user-data"] = String(decoding: instance.userData, as: UTF8.self)
        }
        self.leaves = leaves
    }

    private static func instanceKeys(
        _ instance: Instance, region: String, accountID: String
    ) -> [String: String] {
        let interface = "network/interfaces/macs/\(instance.macAddress)/"
        var keys: [String: String] = [
            "ami-id": instance.imageID, "ami-launch-index": String(instance.launchIndex),
            "ami-manifest-path": "(unknown)", "hostname": instance.privateDNSName,
            "instance-action": "none", "instance-id": instance.id, "instance-life-cycle": "on-demand",
            "instance-type": instance.type, "local-hostname": instance.privateDNSName,
            "local-ipv4": instance.privateAddress, "mac": instance.macAddress, "profile": "default-hvm",
            "reservation-id": instance.reservationID, "security-groups": "default",
            "block-device-mapping/ami": instance.volumes.first?.deviceName ?? "/dev/xvda",
            "block-device-mapping/root": instance.volumes.first?.deviceName ?? "/dev/xvda",
            "placement/availability-zone": instance.zone, "placement/region": region,
            "services/domain": "amazonaws.com", "services/partition": "aws",
            interface + "device-number": "0", interface + "interface-id": instance.interfaceID,
            interface + "local-hostname": instance.privateDNSName,
            interface + "local-ipv4s": instance.privateAddress, interface + "mac": instance.macAddress,
            interface + "owner-id": accountID, interface + "subnet-id": instance.subnetID,
            interface + "vpc-id": VirtualNetwork.vpcID,
            interface + "security-group-ids": instance.securityGroupIDs.joined(separator: "\n"),
        ]
        if instance.metadata.tagsEnabled {
            for (key, value) in instance.tags { keys["tags/instance/" + key] = value }
        }
        return keys
    }

    /// - Parameter path: below the version, without slashes at its ends.
    /// - Returns: nil for 404.
    func answer(_ path: String) -> String? {
        if let leaf = leaves[path] { return leaf }
        let prefix = path.isEmpty ? "" : path + "/"
        var children: Set<String> = []
        for key in leaves.keys where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            let name = rest.prefix { $0 != "/" }
            children.insert(rest.count > name.count ? name + "/" : String(name))
        }
        return children.isEmpty ? nil : children.sorted().joined(separator: "\n")
    }
}
