import FoundationEssentials

/// Runs commands on instances. Source: AWS Systems Manager API Reference.
struct SSMClient: Sendable {
    private let connection: AWSConnection

    init(_ connection: AWSConnection) { self.connection = connection }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct SendCommand: Encodable {
        var DocumentName = "AWS-RunShellScript"
        var InstanceIds: [String]
        var Comment: String
        var TimeoutSeconds: Int
        var Parameters: [String: [String]]
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct Command: Decodable {
        struct Content: Decodable { var CommandId: String }
        var Command: Content
    }

    /// - Parameters:
    ///   - instanceIDs: 1 to 50.
    ///   - commands: lines of a shell script. SSM keeps them: no secret belongs here.
    ///   - timeoutSeconds: for the delivery, and again for the run.
    ///   - comment: at most 100 characters.
    /// - Returns: the command's id. There is no client token: a repeated call runs the commands again.
    func sendCommand(
        instanceIDs: [String], commands: [String], timeoutSeconds: Int, comment: String
    ) async throws -> String {
        let input = SendCommand(
            InstanceIds: instanceIDs, Comment: String(comment.prefix(100)),
            TimeoutSeconds: max(30, timeoutSeconds),
            Parameters: ["commands": commands, "executionTimeout": ["\(timeoutSeconds)"]])
        return try await call("SendCommand", input, as: Command.self).Command.CommandId
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InvocationQuery: Encodable {
        var CommandId: String
        var InstanceId: String
    }

    /// - Returns: nil while SSM does not show the invocation yet.
    func getCommandInvocation(commandID: String, instanceID: String) async throws -> CommandInvocation? {
        do {
            let query = InvocationQuery(CommandId: commandID, InstanceId: instanceID)
            return try await call("GetCommandInvocation", query, as: CommandInvocation.self)
        } catch let error as ProviderError where error.code == "InvocationDoesNotExist" {
            return nil
        }
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InstanceQuery: Encodable {
        struct Filter: Encodable {
            var Key: String
            var Values: [String]
        }
        var Filters: [Filter]
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InstanceList: Decodable {
        var InstanceInformationList: [ManagedInstance]
    }

    /// Those of the instances that SSM's agent has registered.
    func describeInstanceInformation(ids: [String]) async throws -> [ManagedInstance] {
        guard !ids.isEmpty else { return [] }
        let query = InstanceQuery(Filters: [.init(Key: "InstanceIds", Values: ids)])
        return try await call("DescribeInstanceInformation", query, as: InstanceList.self)
            .InstanceInformationList
    }

    private func call<Input: Encodable, Output: Decodable>(
        _ operation: String, _ input: Input, as output: Output.Type
    ) async throws -> Output {
        try await connection.json("ssm", target: "AmazonSSM", operation, input, as: output)
    }
}

/// What became of a command on one instance.
struct CommandInvocation: Decodable, Sendable {
    /// `Pending`, `InProgress`, `Delayed`, `Success`, `Cancelled`, `TimedOut`, `Failed` or `Cancelling`.
    var status: String
    /// nil while the command has not ended.
    var responseCode: Int?
    /// At most 24,000 characters.
    var standardOutput: String

    private enum CodingKeys: String, CodingKey {
        case status = "Status"
        case responseCode = "ResponseCode"
        case standardOutput = "StandardOutputContent"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        status = try container.decode(String.self, forKey: .status)
        let code = try container.decodeIfPresent(Int.self, forKey: .responseCode)
        responseCode = code == -1 ? nil : code
        standardOutput = try container.decodeIfPresent(String.self, forKey: .standardOutput) ?? ""
    }

    var isFinished: Bool { !["Pending", "InProgress", "Delayed", "Cancelling"].contains(status) }
}

struct ManagedInstance: Decodable, Sendable {
    var id: String
    /// `Online`, `ConnectionLost` or `Inactive`.
    var pingStatus: String

    private enum CodingKeys: String, CodingKey {
        case id = "InstanceId"
        case pingStatus = "PingStatus"
    }
}
