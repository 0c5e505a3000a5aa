/// Systems Manager's Run Command. Source: AWS Systems Manager API reference.
struct SSMService: JSONService {
    static let targetPrefix = "AmazonSSM"
    /// Of MaxResults of the lists of commands and invocations; without it a page is full.
    static let pageSizes = 1...50

    let fleet: Fleet
    let commands: Commands
    let accountID: String

    func perform(_ operation: String, _ input: JSONValue) async throws -> JSONValue {
        switch operation {
        case "SendCommand": try await sendCommand(input)
        case "CancelCommand": try await cancelCommand(input)
        case "GetCommandInvocation": try await getCommandInvocation(input)
        case "ListCommandInvocations": try await listCommandInvocations(input)
        case "ListCommands": try await listCommands(input)
        case "DescribeInstanceInformation": try await describeInstanceInformation(input)
        default: throw AWSError("UnknownOperationException", "")
        }
    }

    private func sendCommand(_ input: JSONValue) async throws -> JSONValue {
        let document = try input.required("DocumentName")
        guard document == "AWS-RunShellScript" else {
            throw AWSError("InvalidDocument", "Document with name \(document) does not exist.")
        }
        let instances = try await addressed(CommandAddress(input))
        let command = try Command(
            input, document: document, instances: instances, lag: fleet.consistencyDelay)
        return ["Command": await commands.send(command).description]
    }

    /// - Throws: `InvalidInstanceId`, with all of them, when named instances cannot be commanded.
    private func addressed(_ address: CommandAddress) async throws -> [String] {
        let managed = await managedInstances().filter { $0.state == .running }
        if case .matching(let targets) = address {
            return managed.filter { instance in targets.allSatisfy { $0.fits(instance) } }.map(\.id)
        }
        let known = Set(managed.map(\.id))
        let invalid = address.ids.filter { !known.contains($0) }
        guard invalid.isEmpty else {
            throw AWSError(
                "InvalidInstanceId",
                "Instances [[\(invalid.joined(separator: ", "))]] not in a valid state for account "
                    + accountID)
        }
        return address.ids
    }

    private func cancelCommand(_ input: JSONValue) async throws -> JSONValue {
        let id = try input.required("CommandId")
        let instances = input["InstanceIds"]?.strings ?? []
        guard instances.count <= CommandAddress.maximumInstances else {
            throw AWSError(
                "ValidationException", "InstanceIds has at most \(CommandAddress.maximumInstances) members")
        }
        try await commands.cancel(id, instances)
        return [:]
    }

    private func getCommandInvocation(_ input: JSONValue) async throws -> JSONValue {
        let id = try input.required("CommandId")
        let instance = try input.required("InstanceId")
        guard let run = try? await commands.run(id), let index = run.index(of: instance) else {
            throw AWSError("InvocationDoesNotExist", "")
        }
        return run.invocations[index].full
    }

    private func listCommandInvocations(_ input: JSONValue) async throws -> JSONValue {
        let details = input["Details"]?.bool ?? false
        let instance = input["InstanceId"]?.string
        let found = try await runs(input).flatMap(\.invocations).filter {
            instance == nil || $0.instance == instance
        }
        return try ResultPage(
            input, found, sizes: Self.pageSizes, standard: Self.pageSizes.upperBound, by: \.ordinal
        ).answer("CommandInvocations") { $0.summary(details: details) }
    }

    private func listCommands(_ input: JSONValue) async throws -> JSONValue {
        let instance = input["InstanceId"]?.string
        let found = try await runs(input).filter { run in instance.map { run.index(of: $0) != nil } ?? true }
        return try ResultPage(
            input, found, sizes: Self.pageSizes, standard: Self.pageSizes.upperBound, by: \.ordinal
        ).answer("Commands", \.description)
    }

    private func runs(_ input: JSONValue) async throws -> [CommandRun] {
        guard input["Filters"]?.array?.isEmpty ?? true else {
            throw AWSError("InvalidFilterKey", "Filters are not emulated.")
        }
        guard let id = input["CommandId"]?.string else { return await commands.visible }
        return [try await commands.run(id)].compactMap(\.self)
    }
}
