extension EC2Service {
    func createTags(_ parameters: QueryParameters) async throws -> Content {
        let ids = parameters.list("ResourceId")
        guard !ids.isEmpty else { throw AWSError.missing("ResourceId") }
        let tags = try TagSpecifications.read(parameters)
        guard !tags.isEmpty else { throw AWSError.missing("Tag") }
        try await fleet.changeTags(ids) { $0.merge(tags) { $1 } }
        return { $0.element("return", true) }
    }

    /// A key without a value goes whatever its value is; without any tag, all go.
    func deleteTags(_ parameters: QueryParameters) async throws -> Content {
        let ids = parameters.list("ResourceId")
        guard !ids.isEmpty else { throw AWSError.missing("ResourceId") }
        let named = parameters.structures("Tag").map { (key: $0["Key"] ?? "", value: $0["Value"]) }
        try await fleet.changeTags(ids) { tags in
            guard !named.isEmpty else { return tags = [:] }
            for tag in named where tag.value == nil || tags[tag.key] == tag.value { tags[tag.key] = nil }
        }
        return { $0.element("return", true) }
    }

    func describeTags(_ parameters: QueryParameters) async throws -> Content {
        let filters = try Filters(parameters)
        var rows: [(id: String, type: String, key: String, value: String)] = []
        for instance in await fleet.all where instance.state != .terminated {
            rows += instance.tags.map { (instance.id, "instance", $0.key, $0.value) }
        }
        for volume in await fleet.storage.visibleVolumes {
            rows += volume.tags.map { (volume.id, "volume", $0.key, $0.value) }
        }
        for snapshot in await fleet.storage.visibleSnapshots {
            rows += snapshot.tags.map { (snapshot.id, "snapshot", $0.key, $0.value) }
        }
        for group in await fleet.network.groups.values {
            rows += group.tags.map { (group.id, "security-group", $0.key, $0.value) }
        }
        let matching = try rows.filter { row in
            try filters.match { name in
                switch name {
                case "resource-id": [row.id]
                case "resource-type": [row.type]
                case "key": [row.key]
                case "value": [row.value]
                default: name == "tag:" + row.key ? [row.value] : (name.hasPrefix("tag:") ? [] : nil)
                }
            }
        }.sorted { ($0.id, $0.key) < ($1.id, $1.key) }
        return { xml in
            xml.list("tagSet", matching) { item, row in
                item.element("resourceId", row.id)
                item.element("resourceType", row.type)
                item.element("key", row.key)
                item.element("value", row.value)
            }
        }
    }

    func describeSubnets(_ parameters: QueryParameters) async throws -> Content {
        let network = await fleet.network
        let ids = parameters.list("SubnetId")
        let subnets = try ids.isEmpty ? network.subnets : ids.map { try network.subnet($0) }
        return { xml in
            xml.list("subnetSet", subnets) { item, subnet in
                item.element("subnetId", subnet.id)
                item.element("state", "available")
                item.element("vpcId", VirtualNetwork.vpcID)
                item.element("cidrBlock", subnet.block)
                item.element("availabilityZone", subnet.zone)
                item.element("mapPublicIpOnLaunch", false)
            }
        }
    }

    func describeImages(_ parameters: QueryParameters) async throws -> Content {
        let asked = parameters.list("ImageId")
        let known = fleet.images
        var images: [(id: String, image: MachineImage)] = []
        for id in asked.isEmpty ? known.keys.sorted() : asked {
            images.append((id, try await fleet.image(id)))
        }
        return { [accountID] xml in
            xml.list("imagesSet", images) { item, listed in
                item.element("imageId", listed.id)
                item.element("imageState", "available")
                item.element("imageOwnerId", accountID)
                item.element("isPublic", false)
                item.element("architecture", "x86_64")
                item.element("imageType", "machine")
                item.element("rootDeviceType", "ebs")
                item.element("rootDeviceName", listed.image.rootDevice)
                item.list("blockDeviceMapping", [listed.image]) { mapping, image in
                    mapping.element("deviceName", image.rootDevice)
                    mapping.element("ebs") {
                        $0.element("volumeSize", BlockStorage.standardSizeGiB)
                        $0.element("deleteOnTermination", true)
                    }
                }
                item.element("virtualizationType", "hvm")
            }
        }
    }

    func describeSecurityGroups(_ parameters: QueryParameters) async throws -> Content {
        let network = await fleet.network
        let ids = parameters.list("GroupId")
        let names = parameters.list("GroupName")
        let filters = try Filters(parameters)
        let candidates =
            try ids.isEmpty
            ? network.groups.values.sorted { $0.id < $1.id } : ids.map { try network.group($0) }
        if let missing = names.first(where: { name in !candidates.contains { $0.name == name } }) {
            throw AWSError("InvalidGroup.NotFound", "The security group '\(missing)' does not exist")
        }
        let groups = try candidates.filter { group in
            try (names.isEmpty || names.contains(group.name)) && filters.match { group.filterValues($0) }
        }
        return { [accountID] xml in
            xml.list("securityGroupInfo", groups) { $0.securityGroup($1, owner: accountID) }
        }
    }

    func createSecurityGroup(_ parameters: QueryParameters) async throws -> Content {
        let name = try parameters.required("GroupName")
        let description = try parameters.required("GroupDescription")
        let tags = try TagSpecifications.tags(parameters, for: "security-group")
        if let vpc = parameters["VpcId"], vpc != VirtualNetwork.vpcID {
            throw AWSError("InvalidVpcID.NotFound", "The vpc ID '\(vpc)' does not exist")
        }
        let group = try await fleet.changeNetwork {
            try $0.create(name: name, description: description, tags: tags)
        }
        return { xml in
            xml.element("return", true)
            xml.element("groupId", group.id)
            xml.tagSet(group.tags)
        }
    }

    func deleteSecurityGroup(_ parameters: QueryParameters) async throws -> Content {
        let id = try parameters.required("GroupId")
        guard await !fleet.uses(group: id) else {
            throw AWSError("DependencyViolation", "resource \(id) has a dependent object")
        }
        try await fleet.changeNetwork { try $0.delete(id) }
        return { $0.element("return", true) }
    }

    func changeRules(_ parameters: QueryParameters, ingress: Bool, add: Bool) async throws -> Content {
        let id = try parameters.required("GroupId")
        let rules = try SecurityGroup.Rule.read(parameters)
        guard !rules.isEmpty else { throw AWSError.missing("IpPermissions") }
        try await fleet.changeNetwork {
            if add {
                try $0.authorize(rules, ingress: ingress, on: id)
            } else {
                try $0.revoke(rules, ingress: ingress, on: id)
            }
        }
        return { $0.element("return", true) }
    }
}

extension SecurityGroup {
    func filterValues(_ name: String) -> [String]? {
        if name.hasPrefix("tag:") { return tags[String(name.dropFirst(4))].map { [$0] } ?? [] }
        return switch name {
        case "group-id": [id]
        case "group-name": [self.name]
        case "description": [description]
        case "vpc-id": [VirtualNetwork.vpcID]
        case "tag-key": Array(tags.keys)
        default: nil
        }
    }
}

extension SecurityGroup.Rule {
    static func read(_ parameters: QueryParameters) throws -> [SecurityGroup.Rule] {
        try parameters.structures("IpPermissions").flatMap { permission in
            let from = try permission.integer("FromPort")
            let to = try permission.integer("ToPort")
            let name = try permission.required("IpProtocol")
            return try permission.structures("IpRanges").map {
                SecurityGroup.Rule(
                    ipProtocol: name, fromPort: from, toPort: to, block: try $0.required("CidrIp"))
            }
        }
    }
}

extension XMLText {
    fileprivate mutating func securityGroup(_ group: SecurityGroup, owner: String) {
        element("ownerId", owner)
        element("groupId", group.id)
        element("groupName", group.name)
        element("groupDescription", group.description)
        element("vpcId", VirtualNetwork.vpcID)
        list("ipPermissions", group.ingress) { $0.rule($1) }
        list("ipPermissionsEgress", group.egress) { $0.rule($1) }
        tagSet(group.tags)
    }

    private mutating func rule(_ rule: SecurityGroup.Rule) {
        element("ipProtocol", rule.ipProtocol)
        if let port = rule.fromPort { element("fromPort", port) }
        if let port = rule.toPort { element("toPort", port) }
        element("groups") { _ in }
        list("ipRanges", [rule.block]) { $0.element("cidrIp", $1) }
        element("ipv6Ranges") { _ in }
        element("prefixListIds") { _ in }
    }
}
