#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One SendCommand, checked.
struct Command: Sendable {
    static let maximumCommentLength = 100

    let id = ResourceID.uuid()
    let document: String
    let instances: [String]
    let script: ShellScript
    let comment: String
    let requestedAt = Date()
    let visibleAt = Visibility.instant()
    /// How long the command may wait for an instance to take it, in seconds.
    let deliveryTimeout: Int
    private let parameters: JSONValue

    init(_ input: JSONValue, document: String, instances: [String]) throws {
        self.document = document
        self.instances = instances
        parameters = input["Parameters"] ?? [:]
        comment = input["Comment"]?.string ?? ""
        deliveryTimeout = input["TimeoutSeconds"]?.integer ?? 3600
        guard (30...2_592_000).contains(deliveryTimeout) else {
            throw AWSError("ValidationException", "TimeoutSeconds must be 30 to 2592000")
        }
        guard comment.count <= Self.maximumCommentLength else {
            throw AWSError(
                "ValidationException", "Comment has at most \(Self.maximumCommentLength) characters")
        }
        guard let lines = parameters["commands"]?.strings, !lines.isEmpty else {
            throw AWSError("InvalidParameters", "Parameter \"commands\" is required")
        }
        let known: Set<String> = ["commands", "workingDirectory", "executionTimeout"]
        if let unknown = parameters.object?.keys.first(where: { !known.contains($0) }) {
            throw AWSError("InvalidParameters", "Parameter \"\(unknown)\" is not in the document")
        }
        let timeout = parameters["executionTimeout"]?.strings?.first ?? "3600"
        guard let seconds = Int(timeout), (1...172_800).contains(seconds) else {
            throw AWSError("InvalidParameters", "executionTimeout must be 1 to 172800 seconds")
        }
        let directory = parameters["workingDirectory"]?.strings?.first
        script = ShellScript(
            text: lines.joined(separator: "\n"),
            workingDirectory: directory?.isEmpty == false ? directory : nil, timeout: .seconds(seconds))
    }

    var description: JSONValue {
        [
            "CommandId": .string(id), "DocumentName": .string(document), "DocumentVersion": "$DEFAULT",
            "Comment": .string(comment), "Parameters": parameters, "Status": "Pending",
            "StatusDetails": "Pending", "InstanceIds": .array(instances.map { .string($0) }),
            "Targets": [], "RequestedDateTime": .number(requestedAt.timeIntervalSince1970),
            "ExpiresAfter": .number(requestedAt.timeIntervalSince1970 + Double(deliveryTimeout)),
            "MaxConcurrency": "50", "MaxErrors": "0", "TargetCount": .integer(instances.count),
            "CompletedCount": 0, "ErrorCount": 0, "DeliveryTimedOutCount": 0,
            "TimeoutSeconds": .integer(deliveryTimeout),
        ]
    }
}

/// A command on one instance.
struct Invocation: Sendable {
    enum Status: String, Sendable {
        case pending = "Pending"
        case inProgress = "InProgress"
        case success = "Success"
        case failed = "Failed"
        case timedOut = "TimedOut"

        var details: String { self == .timedOut ? "Execution Timed Out" : rawValue }
    }

    /// Source: Systems Manager API reference, GetCommandInvocation.
    static let maximumOutput = 24_000
    static let maximumError = 8_000

    let command: Command
    let instance: String
    var status = Status.pending
    var responseCode = -1
    var output = ""
    var error = ""
    var startedAt: Date?
    var endedAt: Date?

    mutating func finish(_ result: ScriptResult) {
        endedAt = Date()
        responseCode = result.exitCode
        output = Self.kept(result.output, Self.maximumOutput)
        error = Self.kept(result.error, Self.maximumError)
        status =
            switch result.ending {
            case .exited: result.exitCode == 0 ? .success : .failed
            case .timedOut: .timedOut
            case .undeliverable: .failed
            }
    }

    private static func kept(_ text: String, _ maximum: Int) -> String {
        let notice = "\n---Output truncated---"
        return text.count <= maximum ? text : text.prefix(maximum - notice.count) + notice
    }

    var full: JSONValue {
        [
            "CommandId": .string(command.id), "InstanceId": .string(instance),
            "Comment": .string(command.comment), "DocumentName": .string(command.document),
            "DocumentVersion": "$DEFAULT", "PluginName": "aws:runShellScript",
            "ResponseCode": .integer(responseCode), "ExecutionStartDateTime": .string(time(startedAt)),
            "ExecutionElapsedTime": .string(elapsed), "ExecutionEndDateTime": .string(time(endedAt)),
            "Status": .string(status.rawValue), "StatusDetails": .string(status.details),
            "StandardOutputContent": .string(output), "StandardOutputUrl": "",
            "StandardErrorContent": .string(error), "StandardErrorUrl": "",
            "CloudWatchOutputConfig": ["CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false],
        ]
    }

    func summary(details: Bool) -> JSONValue {
        var members: [String: JSONValue] = [
            "CommandId": .string(command.id), "InstanceId": .string(instance), "InstanceName": "",
            "Comment": .string(command.comment), "DocumentName": .string(command.document),
            "RequestedDateTime": .number(command.requestedAt.timeIntervalSince1970),
            "Status": .string(status.rawValue), "StatusDetails": .string(status.details),
        ]
        members["CommandPlugins"] = .array(details ? [plugin] : [])
        return .object(members)
    }

    private var plugin: JSONValue {
        [
            "Name": "aws:runShellScript", "Status": .string(status.rawValue),
            "StatusDetails": .string(status.details), "ResponseCode": .integer(responseCode),
            "Output": .string(String(output.prefix(2_500))),
        ]
    }

    private func time(_ date: Date?) -> String { date.map(Timestamp.text) ?? "" }

    private var elapsed: String {
        guard let startedAt, let endedAt else { return "" }
        let milliseconds = Int(endedAt.timeIntervalSince(startedAt) * 1000)
        return "PT\(milliseconds / 1000).\(milliseconds % 1000)S"
    }
}
