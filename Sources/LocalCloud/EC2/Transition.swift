/// What can be asked of an instance after its launch.
enum Transition: Sendable {
    case terminate, stop, start, reboot

    /// The state that the instance enters at once; nil when nothing is to be done.
    func next(_ instance: Instance) throws -> InstanceState? {
        switch (self, instance.state) {
        case (.terminate, let state): state.isEnding ? nil : .shuttingDown
        case (.stop, .running): .stopping
        case (.stop, .stopped), (.stop, .stopping): nil
        case (.start, .stopped): .pending
        case (.start, .running), (.start, .pending): nil
        case (.reboot, .running): .running
        default: throw Self.incorrect(instance)
        }
    }

    private static func incorrect(_ instance: Instance) -> AWSError {
        AWSError(
            "IncorrectInstanceState",
            "The instance '\(instance.id)' is not in a state from which it can be changed so: "
                + instance.state.name)
    }
}

/// RunInstances' idempotency. A token holds in the region, or in one zone when the request named one, so
/// a retry that lands in another zone launches again. Source: EC2 API reference, "Ensuring idempotency".
struct ClientTokens: Sendable {
    struct Entry: Sendable {
        var request: [String: String]
        var instances: [String]
    }

    private var entries: [String: Entry] = [:]

    func find(_ token: String, scope: String) -> Entry? { entries["\(scope) \(token)"] }

    mutating func remember(_ token: String, scope: String, request: [String: String], instances: [String]) {
        entries["\(scope) \(token)"] = Entry(request: request, instances: instances)
    }
}
