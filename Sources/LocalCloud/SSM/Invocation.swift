import Arithmetic

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A command on one instance.
struct Invocation: Sendable {
    /// Source: Systems Manager API reference, CommandInvocation: `Status` has fewer words than
    /// `StatusDetails`. That an invocation which MaxErrors kept from starting is `Cancelled` by its status
    /// follows from the reference's "canceled by the system"; the reference has no table of both.
    enum State: Sendable {
        case pending, inProgress, cancelling
        case success, failed, executionTimedOut, deliveryTimedOut, undeliverable, cancelled, terminated

        var status: String {
            switch self {
            case .pending: "Pending"
            case .inProgress: "InProgress"
            case .cancelling: "Cancelling"
            case .success: "Success"
            case .failed, .undeliverable: "Failed"
            case .executionTimedOut, .deliveryTimedOut: "TimedOut"
            case .cancelled, .terminated: "Cancelled"
            }
        }

        var details: String {
            switch self {
            case .executionTimedOut: "Execution Timed Out"
            case .deliveryTimedOut: "Delivery Timed Out"
            case .undeliverable: "Undeliverable"
            case .terminated: "Terminated"
            default: status
            }
        }

        var isFinal: Bool { ![.pending, .inProgress, .cancelling].contains(self) }

        /// Counts against MaxErrors.
        var isError: Bool { self == .failed || self == .executionTimedOut }
    }

    /// Longest outputs that are kept, in characters. Source: API reference, GetCommandInvocation.
    static let maximumOutput = 24_000
    static let maximumError = 8_000
    /// Source: API reference, CommandPlugin.
    static let maximumPluginOutput = 2_500

    let command: Command
    let instance: String
    /// Its place among all invocations of the account, from 1.
    let ordinal: Int
    private(set) var state = State.pending
    /// -1 where nothing ran to its end.
    private(set) var responseCode = -1
    private var output = ""
    private var error = ""
    private var startedAt: Date?
    private var endedAt: Date?

    init(command: Command, instance: String, ordinal: Int) {
        self.command = command
        self.instance = instance
        self.ordinal = ordinal
    }

    // MARK: What becomes of it

    /// - Returns: false when it was ended meanwhile.
    mutating func start() -> Bool {
        guard state == .pending else { return false }
        state = .inProgress
        startedAt = Date()
        return true
    }

    mutating func finish(_ result: ScriptResult) {
        endedAt = Date()
        output = Self.kept(result.output, Self.maximumOutput)
        error = Self.kept(result.error, Self.maximumError)
        if state == .cancelling {
            state = .cancelled
            return
        }
        responseCode = result.exitCode
        state =
            switch result.ending {
            case .exited: result.exitCode == 0 ? .success : .failed
            case .timedOut: .executionTimedOut
            case .undeliverable: .undeliverable
            }
    }

    /// Ends it without a result.
    mutating func end(_ state: State) {
        guard !self.state.isFinal else { return }
        self.state = state
        endedAt = Date()
    }

    /// What has not started never does. What runs goes on, since there is no guarantee that it can be
    /// stopped, and is `Cancelled` when it ends.
    mutating func cancel() {
        switch state {
        case .pending: end(.cancelled)
        case .inProgress: state = .cancelling
        default: break
        }
    }

    // MARK: What the API says of it

    var full: JSONValue {
        [
            "CommandId": .string(command.id), "InstanceId": .string(instance),
            "Comment": .string(command.comment), "DocumentName": .string(command.document),
            "DocumentVersion": "$DEFAULT", "PluginName": "aws:runShellScript",
            "ResponseCode": .integer(responseCode), "ExecutionStartDateTime": .string(time(startedAt)),
            "ExecutionElapsedTime": .string(elapsed), "ExecutionEndDateTime": .string(time(endedAt)),
            "Status": .string(state.status), "StatusDetails": .string(state.details),
            "StandardOutputContent": .string(output), "StandardOutputUrl": "",
            "StandardErrorContent": .string(error), "StandardErrorUrl": "",
            "CloudWatchOutputConfig": ["CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false],
        ]
    }

    func summary(details: Bool) -> JSONValue {
        [
            "CommandId": .string(command.id), "InstanceId": .string(instance), "InstanceName": "",
            "Comment": .string(command.comment), "DocumentName": .string(command.document),
            "DocumentVersion": "$DEFAULT",
            "RequestedDateTime": .number(command.requestedAt.timeIntervalSince1970),
            "Status": .string(state.status), "StatusDetails": .string(state.details),
            "StandardOutputUrl": "", "StandardErrorUrl": "",
            "CommandPlugins": .array(details ? [plugin] : []),
        ]
    }

    private var plugin: JSONValue {
        let both = error.isEmpty ? output : output + "\n----------ERROR-------\n" + error
        var members: [String: JSONValue] = [
            "Name": "aws:runShellScript",
            "Status": .string(state == .cancelling ? "InProgress" : state.status),
            "StatusDetails": .string(state.details), "ResponseCode": .integer(responseCode),
            "Output": .string(Self.kept(both, Self.maximumPluginOutput)),
        ]
        if let startedAt { members["ResponseStartDateTime"] = .number(startedAt.timeIntervalSince1970) }
        if let endedAt { members["ResponseFinishDateTime"] = .number(endedAt.timeIntervalSince1970) }
        return .object(members)
    }

    private static func kept(_ text: String, _ maximum: Int) -> String {
        let notice = "\n---Output truncated---"
        return text.count <= maximum ? text : text.prefix(maximum - notice.count) + notice
    }

    private func time(_ date: Date?) -> String { date.map(Timestamp.text) ?? "" }

    private var elapsed: String {
        guard let startedAt, let endedAt else { return "" }
        let milliseconds = Int(saturating: endedAt.timeIntervalSince(startedAt) * 1000)
        return "PT\(milliseconds / 1000).\(milliseconds % 1000)S"
    }
}
