#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// DescribeInstanceInformation: the instances whose agent has registered.
extension SSMService {
    /// Of MaxResults, and the size of a page without it. Source: Systems Manager API reference.
    static let informationPageSizes = 5...50
    static let standardInformationPageSize = 10

    /// Registered for long enough to be seen, and not ending.
    func managedInstances() async -> [Instance] {
        await fleet.all.filter { instance in
            guard !instance.state.isEnding, let since = instance.agentRegisteredAt else { return false }
            return Duration.seconds(-since.timeIntervalSinceNow) >= fleet.consistencyDelay
        }
    }

    func describeInstanceInformation(_ input: JSONValue) async throws -> JSONValue {
        let filters = try InformationFilters(input)
        return try ResultPage(
            input, await managedInstances().filter(filters.fit), sizes: Self.informationPageSizes,
            standard: Self.standardInformationPageSize, by: \.ordinal
        ).answer("InstanceInformationList", Self.information)
    }

    private static func information(_ instance: Instance) -> JSONValue {
        let lastPing = instance.agentLostAt ?? Date()
        return [
            "InstanceId": .string(instance.id), "PingStatus": .string(instance.pingStatus),
            "LastPingDateTime": .number(lastPing.timeIntervalSince1970),
            "RegistrationDate": .number((instance.agentRegisteredAt ?? Date()).timeIntervalSince1970),
            "AgentVersion": "3.3.0.0", "IsLatestVersion": true, "PlatformType": "Linux",
            "PlatformName": "Debian GNU/Linux", "PlatformVersion": "12", "ResourceType": "EC2Instance",
            "IPAddress": .string(instance.privateAddress), "ComputerName": .string(instance.privateDNSName),
        ]
    }
}

extension Instance {
    /// Whether its SSM agent takes commands now.
    var isReachable: Bool { state == .running && agentLostAt == nil }

    var pingStatus: String { isReachable ? "Online" : "ConnectionLost" }
}

/// `Filters` with `Key` and `Values`, or the older `InstanceInformationFilterList` with `key` and `valueSet`:
/// all must fit, with one of their values.
private struct InformationFilters {
    static let maximumValues = 100

    private let filters: [(key: String, values: [String])]

    init(_ input: JSONValue) throws {
        let present = input["Filters"]?.array ?? []
        let legacy = input["InstanceInformationFilterList"]?.array ?? []
        guard present.isEmpty || legacy.isEmpty else {
            throw AWSError(
                "ValidationException", "Filters and InstanceInformationFilterList exclude each other")
        }
        filters =
            try present.map { (try $0.required("Key"), $0["Values"]?.strings ?? []) }
            + legacy.map { (try $0.required("key"), $0["valueSet"]?.strings ?? []) }
        for (key, values) in filters {
            guard ["InstanceIds", "PingStatus", "tag-key"].contains(key) || key.hasPrefix("tag:") else {
                throw AWSError("InvalidFilterKey", "The specified key isn't valid.")
            }
            guard (1...Self.maximumValues).contains(values.count) else {
                throw AWSError(
                    "ValidationException", "A filter has 1 to \(Self.maximumValues) values")
            }
        }
        let tags = filters.count { $0.key.hasPrefix("tag") }
        guard tags == 0 || tags == filters.count else {
            throw AWSError(
                "InvalidInstanceInformationFilterValue", "Tag filters can't be combined with other filters")
        }
    }

    func fit(_ instance: Instance) -> Bool {
        filters.allSatisfy { key, values in
            switch key {
            case "InstanceIds": values.contains(instance.id)
            case "PingStatus": values.contains(instance.pingStatus)
            case "tag-key": values.contains { instance.tags[$0] != nil }
            default: instance.tags[String(key.dropFirst("tag:".count))].map(values.contains) ?? false
            }
        }
    }
}
