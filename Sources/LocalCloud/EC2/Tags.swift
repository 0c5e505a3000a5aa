/// EC2's tags and their limits. Source: EC2 user guide, "Tag restrictions".
enum TagSpecifications {
    static let maximumTags = 50

    /// The tags which a launch asks for on resources of one type.
    static func tags(_ parameters: QueryParameters, for resourceType: String) throws -> [String: String] {
        var tags: [String: String] = [:]
        for specification in parameters.structures("TagSpecification") {
            let type = try specification.required("ResourceType")
            let known = ["instance", "volume", "snapshot", "network-interface", "security-group"]
            guard known.contains(type) else {
                throw AWSError("InvalidParameterValue", "'\(type)' is not a valid taggable resource type")
            }
            if type == resourceType { tags.merge(try read(specification)) { $1 } }
        }
        return tags
    }

    /// `Tag.1.Key`, `Tag.1.Value`, ...
    static func read(_ parameters: QueryParameters) throws -> [String: String] {
        var tags: [String: String] = [:]
        for tag in parameters.structures("Tag") {
            let key = try tag.required("Key")
            let value = tag["Value"] ?? ""
            guard key.count <= 128, !key.hasPrefix("aws:") else {
                throw AWSError.invalid(
                    key, for: "Tag.Key", "At most 128 characters, not beginning with aws:.")
            }
            guard value.count <= 256 else {
                throw AWSError.invalid(value, for: "Tag.Value", "At most 256 characters.")
            }
            tags[key] = value
        }
        guard tags.count <= maximumTags else {
            throw AWSError("TagLimitExceeded", "The maximum number of tags for a resource is \(maximumTags)")
        }
        return tags
    }
}

extension XMLText {
    mutating func tagSet(_ tags: [String: String]) {
        guard !tags.isEmpty else { return }
        list("tagSet", tags.sorted { $0.key < $1.key }) {
            $0.element("key", $1.key)
            $0.element("value", $1.value)
        }
    }
}
