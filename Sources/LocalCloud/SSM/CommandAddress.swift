/// To whom a command goes: instances by name, or whatever fits every target.
enum CommandAddress: Sendable {
    /// Source: Systems Manager API reference, SendCommand.
    static let maximumInstances = 50
    static let maximumTargets = 5
    static let maximumValues = 50

    case named([String])
    case matching([CommandTarget])

    init(_ input: JSONValue) throws {
        let ids = input["InstanceIds"]?.strings ?? []
        let targets = try (input["Targets"]?.array ?? []).map(CommandTarget.init)
        guard ids.isEmpty != targets.isEmpty else {
            throw AWSError("ValidationException", "Exactly one of InstanceIds and Targets is needed")
        }
        guard targets.count <= Self.maximumTargets else {
            throw AWSError("ValidationException", "Targets has at most \(Self.maximumTargets) members")
        }
        if targets.count == 1, targets[0].key == "InstanceIds" {
            self = .named(try Self.checked(targets[0].values))
        } else {
            self = ids.isEmpty ? .matching(targets) : .named(try Self.checked(ids))
        }
    }

    /// Those that were named; empty for targets.
    var ids: [String] { if case .named(let ids) = self { ids } else { [] } }

    private static func checked(_ ids: [String]) throws -> [String] {
        guard ids.count <= maximumInstances else {
            throw AWSError(
                "ValidationException", "InstanceIds must name 1 to \(maximumInstances) instances")
        }
        guard Set(ids).count == ids.count else { throw AWSError("DuplicateInstanceId", "") }
        if let malformed = ids.first(where: { !ResourceID.isWellFormed($0, "i") }) {
            throw AWSError("ValidationException", "\(malformed) is not an instance id")
        }
        return ids
    }
}

/// `{"Key": "tag:NAME" | "tag-key" | "InstanceIds", "Values": [...]}`: one of the values must fit.
struct CommandTarget: Sendable {
    let key: String
    let values: [String]

    init(_ value: JSONValue) throws {
        key = try value.required("Key")
        values = value["Values"]?.strings ?? []
        guard key == "InstanceIds" || key == "tag-key" || key.hasPrefix("tag:"), !values.isEmpty,
            values.count <= CommandAddress.maximumValues
        else {
            throw AWSError(
                "ValidationException",
                "A target is InstanceIds, tag-key or tag:NAME, with 1 to "
                    + "\(CommandAddress.maximumValues) values")
        }
    }

    func fits(_ instance: Instance) -> Bool {
        switch key {
        case "InstanceIds": values.contains(instance.id)
        case "tag-key": values.contains { instance.tags[$0] != nil }
        default: instance.tags[String(key.dropFirst("tag:".count))].map(values.contains) ?? false
        }
    }
}
