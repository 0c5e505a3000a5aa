/// The account's one VPC: its subnets and security groups.
struct VirtualNetwork: Sendable {
    static let vpcID = "vpc-0f000000000000001"
    static let defaultGroupID = "sg-0f000000000000001"

    struct Subnet: Sendable {
        let id: String
        let zone: String
        let block: String
    }

    let subnets: [Subnet]
    private(set) var groups: [String: SecurityGroup]

    /// Two subnets in two zones, so that zonal behaviour can be seen; both give addresses of one block.
    init(region: String, block: String) {
        subnets = [
            Subnet(id: "subnet-0f000000000000001", zone: region + "a", block: block),
            Subnet(id: "subnet-0f000000000000002", zone: region + "b", block: block),
        ]
        var initial = SecurityGroup(
            id: Self.defaultGroupID, name: "default", description: "default VPC security group", tags: [:])
        initial.egress = [.everything]
        groups = [initial.id: initial]
    }

    func subnet(_ id: String) throws -> Subnet {
        guard ResourceID.isWellFormed(id, "subnet") else {
            throw AWSError("InvalidSubnetID.Malformed", "Invalid id: \"\(id)\" (expecting \"subnet-...\")")
        }
        guard let subnet = subnets.first(where: { $0.id == id }) else {
            throw AWSError("InvalidSubnetID.NotFound", "The subnet ID '\(id)' does not exist")
        }
        return subnet
    }

    func group(_ id: String) throws -> SecurityGroup {
        guard ResourceID.isWellFormed(id, "sg") else {
            throw AWSError("InvalidGroupId.Malformed", "Invalid id: \"\(id)\" (expecting \"sg-...\")")
        }
        guard let group = groups[id] else {
            throw AWSError("InvalidGroup.NotFound", "The security group '\(id)' does not exist")
        }
        return group
    }

    mutating func create(name: String, description: String, tags: [String: String]) throws -> SecurityGroup {
        guard !groups.values.contains(where: { $0.name == name }) else {
            throw AWSError(
                "InvalidGroup.Duplicate",
                "The security group '\(name)' already exists for VPC '\(Self.vpcID)'")
        }
        var group = SecurityGroup(
            id: ResourceID.random("sg"), name: name, description: description, tags: tags)
        group.egress = [.everything]
        groups[group.id] = group
        return group
    }

    mutating func delete(_ id: String) throws {
        guard try group(id).name != "default" else {
            throw AWSError(
                "CannotDelete", "the specified group: \"\(id)\" name: \"default\" cannot be deleted")
        }
        groups[id] = nil
    }

    mutating func authorize(_ rules: [SecurityGroup.Rule], ingress: Bool, on id: String) throws {
        var group = try group(id)
        var present = ingress ? group.ingress : group.egress
        for rule in rules {
            guard !present.contains(rule) else {
                throw AWSError(
                    "InvalidPermission.Duplicate", "the specified rule \"\(rule.text)\" already exists")
            }
            present.append(rule)
        }
        if ingress { group.ingress = present } else { group.egress = present }
        groups[id] = group
    }

    mutating func revoke(_ rules: [SecurityGroup.Rule], ingress: Bool, on id: String) throws {
        var group = try group(id)
        var present = ingress ? group.ingress : group.egress
        for rule in rules {
            guard let index = present.firstIndex(of: rule) else {
                throw AWSError(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.")
            }
            present.remove(at: index)
        }
        if ingress { group.ingress = present } else { group.egress = present }
        groups[id] = group
    }

    mutating func setTags(_ id: String, _ tags: [String: String]) { groups[id]?.tags = tags }
}

struct SecurityGroup: Sendable {
    struct Rule: Sendable, Equatable {
        var ipProtocol: String
        var fromPort: Int?
        var toPort: Int?
        var block: String

        static let everything = Rule(ipProtocol: "-1", fromPort: nil, toPort: nil, block: "0.0.0.0/0")

        var text: String {
            "peer: \(block), \(ipProtocol), from port: \(fromPort ?? -1), to port: \(toPort ?? -1), ALLOW"
        }
    }

    let id: String
    let name: String
    let description: String
    var tags: [String: String]
    var ingress: [Rule] = []
    var egress: [Rule] = []
}
