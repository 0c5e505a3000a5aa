import FoundationEssentials
import Providers
import Workflows

/// Brings an instance to where it runs as a type, from wherever it is: each look makes the calls that are due
/// in the state that it finds. So it does not matter where an earlier look ended.
struct InstanceApproach: Sendable {
    let fleet: FleetContext
    let context: WorkflowContext
    let launchID: UUID
    let instanceID: String
    let type: String
    /// It had the type before: whatever is refused is asked for again.
    let isWayBack: Bool

    /// - Returns: whether it runs as the type.
    /// - Throws: `PermanentFailure` when it will not.
    func look() async throws -> Bool {
        guard let instance = try await fleet.ec2.describeInstances(ids: [instanceID]).first else {
            return false
        }
        switch instance.state {
        case "running" where instance.instanceType == type: return true
        case "running": try await call { try await fleet.ec2.stopInstances(ids: [instanceID]) }
        case "stopped":
            try await call {
                if instance.instanceType != type {
                    try await fleet.ec2.modifyInstanceType(id: instanceID, type)
                }
                try await fleet.ec2.startInstances(ids: [instanceID])
            }
        case "terminated", "shutting-down":
            throw PermanentFailure(
                code: "instance_gone", message: "The instance \(instanceID) is \(instance.state).")
        default: break
        }
        return false
    }

    /// The ledger shows the last call, as that of everything that was created.
    private func call(_ body: () async throws -> Void) async throws {
        let last: CallRecord?
        do {
            (_, last) = try await context.noted(.instance, launchID.text) { try await body() }
        } catch let error as ProviderError where isFinal(error) {
            let code = error.isOutOfCapacity ? "no_capacity" : error.refusalCode
            throw PermanentFailure(code: code, message: "\(error)")
        }
        try await context.fenced { transaction in
            try await ResourceLedger(database: transaction).created(
                .instance, intentID: launchID.text, providerID: instanceID, last)
        }
    }

    /// Of what is asked again, a look may have been at a state that was already past.
    private func isFinal(_ error: ProviderError) -> Bool {
        if isWayBack || error.isMissing || error.code == "IncorrectInstanceState" { return false }
        return error.isOutOfCapacity || !error.isRetryable
    }
}

extension ProviderError {
    /// EC2 has no instance of the type left just now: a server error, and no fault of the call's. Source:
    /// Amazon EC2 API Reference, "Server error codes".
    fileprivate var isOutOfCapacity: Bool { code == "InsufficientInstanceCapacity" }
}
