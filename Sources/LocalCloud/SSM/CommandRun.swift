#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A command and what has become of it on each of its instances, in the order in which they were named.
struct CommandRun: Sendable {
    let command: Command
    /// Never the same for two commands, and growing, from 1.
    let ordinal: Int
    var invocations: [Invocation]
    private var isCancelled = false

    /// - Parameter ordinal: its own, and its first invocation's.
    init(_ command: Command, ordinal: Int) {
        self.command = command
        self.ordinal = ordinal
        invocations = command.instances.enumerated().map { index, id in
            Invocation(command: command, instance: id, ordinal: ordinal + index)
        }
    }

    func index(of instance: String) -> Int? { command.instances.firstIndex(of: instance) }

    // MARK: Limits

    private var errorCount: Int { invocations.count { $0.state.isError } }

    /// Whether the next instance may get it: MaxErrors errors are allowed, one more is not.
    var mayGoOn: Bool { errorCount <= command.maximumErrors }

    /// What has not been sent yet never is.
    mutating func terminate(from index: Int) {
        for index in index..<invocations.count { invocations[index].end(.terminated) }
    }

    /// - Parameter instances: empty for all of them.
    mutating func cancel(_ instances: [String]) {
        for index in invocations.indices
        where instances.isEmpty || instances.contains(invocations[index].instance) {
            invocations[index].cancel()
        }
        isCancelled = true
    }

    // MARK: What the API says of it

    /// Source: Systems Manager API reference, Command. `Incomplete` and `NoInstancesInTag` are no values of
    /// `Status`; that they are `Failed` there is a guess.
    private var state: (status: String, details: String) {
        func count(_ state: Invocation.State) -> Int { invocations.count { $0.state == state } }
        func same(_ status: String) -> (String, String) { (status, status) }
        guard !invocations.isEmpty else { return ("Failed", "NoInstancesInTag") }
        guard invocations.allSatisfy(\.state.isFinal) else {
            if isCancelled { return same("Cancelling") }
            return same(count(.pending) == invocations.count ? "Pending" : "InProgress")
        }
        let enough = max(1, command.maximumErrors)
        if count(.success) == invocations.count { return same("Success") }
        if isCancelled, count(.cancelled) > 0 { return same("Cancelled") }
        if count(.failed) >= enough { return same("Failed") }
        if count(.executionTimedOut) >= enough { return ("TimedOut", "Execution Timed Out") }
        if count(.deliveryTimedOut) >= enough { return ("TimedOut", "Delivery Timed Out") }
        return count(.success) + count(.undeliverable) == invocations.count
            ? same("Success") : ("Failed", "Incomplete")
    }

    var description: JSONValue {
        let (status, details) = state
        let named = command.targets.isEmpty ? command.instances : []
        return [
            "CommandId": .string(command.id), "DocumentName": .string(command.document),
            "DocumentVersion": "$DEFAULT", "Comment": .string(command.comment),
            "Parameters": command.parameters, "Status": .string(status), "StatusDetails": .string(details),
            "InstanceIds": .array(named.map { .string($0) }), "Targets": .array(command.targets),
            "RequestedDateTime": .number(command.requestedAt.timeIntervalSince1970),
            "ExpiresAfter": .number(command.expiresAt.timeIntervalSince1970),
            "MaxConcurrency": .string(command.concurrency.text), "MaxErrors": .string(command.errors.text),
            "TargetCount": .integer(invocations.count),
            "CompletedCount": .integer(invocations.count { $0.state.isFinal }),
            "ErrorCount": .integer(errorCount),
            "DeliveryTimedOutCount": .integer(invocations.count { $0.state == .deliveryTimedOut }),
            "TimeoutSeconds": .integer(command.deliveryTimeout),
        ]
    }
}
