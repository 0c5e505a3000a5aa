import FoundationEssentials

/// Runs commands on instances. Source: AWS Systems Manager API Reference.
package struct SSMClient: Sendable {
    private let connection: AWSConnection

    package init(_ connection: AWSConnection) { self.connection = connection }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct SendCommand: Encodable {
        var DocumentName = "AWS-RunShellScript"
        var InstanceIds: [String]
        var Comment: String
        var TimeoutSeconds: Int
        /// SSM's own is 0: the first failure would keep the command from the others.
        var MaxErrors: String
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
    ///   - deliverySeconds: 30 and more; what has not begun by then is not begun.
    ///   - limitSeconds: for the run on each instance.
    ///   - comment: at most 100 characters.
    /// - Returns: the command's id. There is no client token: a repeated call runs the commands again.
    package func sendCommand(
        instanceIDs: [String], commands: [String], deliverySeconds: Int, limitSeconds: Int, comment: String
    ) async throws -> String {
        let input = SendCommand(
            InstanceIds: instanceIDs, Comment: String(comment.prefix(100)),
            TimeoutSeconds: max(30, deliverySeconds), MaxErrors: "100%",
            Parameters: ["commands": commands, "executionTimeout": ["\(limitSeconds)"]])
        return try await call("SendCommand", input, as: Command.self).Command.CommandId
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InvocationsQuery: Encodable {
        var CommandId: String
        var Details = true
        var MaxResults = SSMClient.pageSize
        var NextToken: String?
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InvocationsPage: Decodable {
        var CommandInvocations: [ListedInvocation]
        var NextToken: String?
    }

    /// The largest page of both lists.
    package static let pageSize = 50

    /// What became of a command on each instance, as far as SSM shows it yet.
    package func listCommandInvocations(commandID: String) async throws -> [ListedInvocation] {
        var found: [ListedInvocation] = []
        var query = InvocationsQuery(CommandId: commandID)
        repeat {
            let page = try await call("ListCommandInvocations", query, as: InvocationsPage.self)
            found += page.CommandInvocations
            query.NextToken = page.NextToken
        } while query.NextToken?.isEmpty == false
        return found
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InstanceQuery: Encodable {
        struct Filter: Encodable {
            var Key: String
            var Values: [String]
        }
        var Filters: [Filter]
        var MaxResults = SSMClient.pageSize
    }

    // Fields are named as on the wire.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct InstanceList: Decodable {
        var InstanceInformationList: [ManagedInstance]
    }

    /// Those of the instances that SSM's agent has registered; one call for each 50 ids.
    func describeInstanceInformation(ids: [String]) async throws -> [ManagedInstance] {
        var found: [ManagedInstance] = []
        for start in stride(from: 0, to: ids.count, by: Self.pageSize) {
            let some = Array(ids[start..<min(ids.count, start + Self.pageSize)])
            let query = InstanceQuery(Filters: [.init(Key: "InstanceIds", Values: some)])
            found += try await call("DescribeInstanceInformation", query, as: InstanceList.self)
                .InstanceInformationList
        }
        return found
    }

    /// Those of the instances that can be commanded now.
    package func online(of ids: [String]) async throws -> [String] {
        try await describeInstanceInformation(ids: ids).filter { $0.pingStatus == "Online" }.map(\.id)
    }

    private func call<Input: Encodable, Output: Decodable>(
        _ operation: String, _ input: Input, as output: Output.Type
    ) async throws -> Output {
        try await connection.json("ssm", target: "AmazonSSM", operation, input, as: output)
    }
}
