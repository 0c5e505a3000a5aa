/// The `Filter.N` parameters: every filter must match, with any of its values.
struct Filters: Sendable {
    private var filters: [(name: String, values: [String])]

    init(_ parameters: QueryParameters) throws {
        filters = try parameters.structures("Filter").map { ($0["Name"] ?? "", $0.list("Value")) }.map {
            guard !$0.0.isEmpty else { throw AWSError.missing("Filter.Name") }
            return ($0.0, $0.1)
        }
    }

    /// - Parameter values: what a resource has under a filter's name; nil for an unknown name.
    func match(_ values: (String) -> [String]?) throws -> Bool {
        for filter in filters {
            guard let candidates = values(filter.name) else {
                throw AWSError("InvalidParameterValue", "The filter '\(filter.name)' is invalid")
            }
            let matches = filter.values.contains { pattern in
                candidates.contains { Self.matches($0, pattern: pattern) }
            }
            if !matches { return false }
        }
        return true
    }

    /// EC2's wildcards: `*` for any characters, `?` for one, `\` before a literal one.
    static func matches(_ text: String, pattern: String) -> Bool {
        guard pattern.contains(where: { "*?\\".contains($0) }) else { return text == pattern }
        return matches(Array(text)[...], Array(pattern)[...])
    }

    private static func matches(_ text: ArraySlice<Character>, _ pattern: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        switch first {
        case "*":
            return (text.startIndex...text.endIndex).contains { matches(text[$0...], pattern.dropFirst()) }
        case "?":
            return !text.isEmpty && matches(text.dropFirst(), pattern.dropFirst())
        case "\\" where pattern.count > 1:
            let literal = pattern[pattern.startIndex + 1]
            return text.first == literal && matches(text.dropFirst(), pattern.dropFirst(2))
        default:
            return text.first == first && matches(text.dropFirst(), pattern.dropFirst())
        }
    }
}

extension Filters {
    /// The tag filters, which all resources have, and a resource's own.
    func match(tags: [String: String], _ values: (String) -> [String]?) throws -> Bool {
        try match { name in
            if name.hasPrefix("tag:") { return tags[String(name.dropFirst(4))].map { [$0] } ?? [] }
            return name == "tag-key" ? Array(tags.keys) : values(name)
        }
    }

    /// The names that DescribeInstances knows here.
    func match(_ instance: Instance) throws -> Bool {
        try match(tags: instance.tags) { name in
            switch name {
            case "instance-state-name": [instance.state.name]
            case "instance-state-code": [String(instance.state.rawValue)]
            case "client-token": instance.clientToken.map { [$0] } ?? []
            case "instance-id": [instance.id]
            case "reservation-id": [instance.reservationID]
            case "image-id": [instance.imageID]
            case "instance-type": [instance.type]
            case "subnet-id", "network-interface.subnet-id": [instance.subnetID]
            case "vpc-id": [VirtualNetwork.vpcID]
            case "availability-zone": [instance.zone]
            case "private-ip-address": [instance.privateAddress]
            case "private-dns-name": [instance.privateDNSName]
            case "instance.group-id", "network-interface.group-id": instance.securityGroupIDs
            case "metadata-options.http-tokens": [instance.metadata.tokensRequired ? "required" : "optional"]
            default: nil
            }
        }
    }
}
