#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Systems Manager's Run Command.
struct SSMService: JSONService {
    static let targetPrefix = "AmazonSSM"
    static let maximumInstances = 50

    let fleet: Fleet
    let commands: Commands

    func perform(_ operation: String, _ input: JSONValue) async throws -> JSONValue {
        switch operation {
        case "SendCommand": try await sendCommand(input)
        case "GetCommandInvocation": try await getCommandInvocation(input)
        case "ListCommandInvocations": try await listCommandInvocations(input)
        case "DescribeInstanceInformation": try await describeInstanceInformation(input)
        default: throw AWSError("UnknownOperationException", "")
        }
    }

    private func sendCommand(_ input: JSONValue) async throws -> JSONValue {
        let document = try input.required("DocumentName")
        guard document == "AWS-RunShellScript" else {
            throw AWSError("InvalidDocument", "Document with name \(document) does not exist.")
        }
        let ids = input["InstanceIds"]?.strings ?? Self.targets(input)
        guard (1...Self.maximumInstances).contains(ids.count) else {
            throw AWSError(
                "ValidationException", "InstanceIds must name 1 to \(Self.maximumInstances) instances")
        }
        var instances: [Instance] = []
        for id in ids { instances.append(try await registered(id)) }
        let command = try Command(input, document: document, instances: ids)
        await commands.send(command, to: instances)
        return ["Command": command.description]
    }

    private static func targets(_ input: JSONValue) -> [String] {
        (input["Targets"]?.array ?? []).filter { $0["Key"]?.string == "InstanceIds" }
            .flatMap { $0["Values"]?.strings ?? [] }
    }

    /// An instance that SSM can command: running, and its agent has registered.
    private func registered(_ id: String) async throws -> Instance {
        guard let instance = await fleet.instance(id), instance.state == .running,
            instance.agentRegisteredAt.map(isPast) == true
        else {
            throw AWSError(
                "InvalidInstanceId", "Instances [[\(id)]] not in a valid state for account")
        }
        return instance
    }

    private func isPast(_ date: Date) -> Bool {
        Duration.seconds(-date.timeIntervalSinceNow) >= fleet.consistencyDelay
    }

    private func getCommandInvocation(_ input: JSONValue) async throws -> JSONValue {
        let command = try input.required("CommandId")
        let instance = try input.required("InstanceId")
        guard let invocation = await commands.invocation(command, on: instance) else {
            throw AWSError("InvocationDoesNotExist", "")
        }
        return invocation.full
    }

    private func listCommandInvocations(_ input: JSONValue) async throws -> JSONValue {
        let details = input["Details"]?.bool ?? false
        let found = await commands.invocations(
            command: input["CommandId"]?.string, instance: input["InstanceId"]?.string)
        return ["CommandInvocations": .array(found.map { $0.summary(details: details) })]
    }

    private func describeInstanceInformation(_ input: JSONValue) async throws -> JSONValue {
        var wanted: Set<String>?
        for filter in (input["Filters"]?.array ?? []) + (input["InstanceInformationFilterList"]?.array ?? [])
        {
            let key = filter["Key"]?.string ?? filter["key"]?.string
            guard key == "InstanceIds" else {
                throw AWSError("InvalidInstanceInformationFilterValue", "Unknown filter \(key ?? "")")
            }
            wanted = Set(filter["Values"]?.strings ?? filter["valueSet"]?.strings ?? [])
        }
        var list: [JSONValue] = []
        for instance in await fleet.all {
            guard wanted?.contains(instance.id) ?? true, !instance.state.isEnding,
                let since = instance.agentRegisteredAt, isPast(since)
            else { continue }
            list.append(Self.information(instance, since: since))
        }
        return ["InstanceInformationList": .array(list)]
    }

    private static func information(_ instance: Instance, since: Date) -> JSONValue {
        [
            "InstanceId": .string(instance.id),
            "PingStatus": instance.state == .running ? "Online" : "ConnectionLost",
            "LastPingDateTime": .number(Date().timeIntervalSince1970),
            "RegistrationDate": .number(since.timeIntervalSince1970),
            "AgentVersion": "3.3.0.0", "IsLatestVersion": true, "PlatformType": "Linux",
            "PlatformName": "Debian GNU/Linux", "PlatformVersion": "12", "ResourceType": "EC2Instance",
            "IPAddress": .string(instance.privateAddress), "ComputerName": .string(instance.privateDNSName),
        ]
    }
}
