import FoundationEssentials
import Postgres
import Providers
import Workflows

/// One command to up to 50 instances by one SendCommand, and what each answered: one ListCommandInvocations
/// at a time asks after all of them.
package struct GroupCommand: Sendable {
    /// As many as SendCommand takes.
    static let maximumInstances = 50
    /// How long SSM may take to hand the command to an instance.
    static let deliverySeconds = 60
    /// Beside delivery and run, for SSM to show the end.
    package static let margin: Duration = .seconds(60)

    /// The more instances, the more seldom: a batch is as slow as its slowest.
    package static func poll(_ instances: Int) -> Duration { .milliseconds(max(1_000, instances * 100)) }

    package struct Answer: Codable, Sendable {
        package var status: String
        package var exitCode: Int?
        /// The last line of the output that is a JSON object; empty when there is none.
        package var line: String
        /// False when the command has certainly not begun on the instance.
        var wasDelivered = true

        package init(status: String, exitCode: Int? = nil, line: String, wasDelivered: Bool = true) {
            self.status = status
            self.exitCode = exitCode
            self.line = line
            self.wasDelivered = wasDelivered
        }

        package static let none = Answer(status: "TimedOut", exitCode: nil, line: "")
    }

    package let fleet: FleetContext
    package var command: String
    /// For the run on the instance.
    var limitSeconds: Int
    /// At most 100 characters, shown by SSM's console.
    package var comment: String

    /// - Parameters:
    ///   - name: sets its steps apart from those of other commands.
    ///   - sent: our own SQL about the command's id, in the commit that records it.
    /// - Returns: by instance; nil when SSM says that one of them cannot be commanded (any more). Nothing
    ///   was sent then: look again which can.
    package func run(
        _ context: WorkflowContext, _ name: String, on instances: [String],
        sent: (String, Transaction) async throws -> Void = { _, _ in }
    ) async throws -> [String: Answer]? {
        guard let commandID = try await send(context, name, instances, sent) else { return nil }
        let limit = Duration.seconds(Self.deliverySeconds + limitSeconds) + Self.margin
        do {
            // Named, or the optional that this function returns would count as an answer.
            let all: [String: Answer] = try await context.wait(
                "answers\(name)", deadline: limit, poll: Self.poll(instances.count)
            ) {
                let answers = try await answers(commandID)
                return instances.allSatisfy { answers[$0] != nil } ? answers : nil
            }
            return all
        } catch is WaitTimedOut {
            let last = try await context.call("last_answers\(name)") { _ in try await answers(commandID) }
            return Dictionary(uniqueKeysWithValues: instances.map { ($0, last[$0] ?? .none) })
        }
    }

    private struct Sent: Codable, Sendable { var commandID: String? }

    /// SendCommand has no client token: after a lost answer it is sent twice, and the instances tell by the
    /// redeploy's id that they have done it.
    private func send(
        _ context: WorkflowContext, _ name: String, _ instances: [String],
        _ sent: (String, Transaction) async throws -> Void
    ) async throws -> String? {
        try await context.call(
            "send_command\(name)",
            { _ in
                do {
                    let id = try await fleet.ssm.sendCommand(
                        instanceIDs: instances, commands: [command], deliverySeconds: Self.deliverySeconds,
                        limitSeconds: limitSeconds, comment: comment)
                    return (Sent(commandID: id), id)
                } catch let error as ProviderError where error.code == "InvalidInstanceId" {
                    return (Sent(commandID: nil), nil)
                }
            },
            record: { (_: Sent, id: String?, transaction) in
                if let id { try await sent(id, transaction) }
            }
        ).commandID
    }

    /// Of those that have ended.
    private func answers(_ commandID: String) async throws -> [String: Answer] {
        let invocations = try await fleet.ssm.listCommandInvocations(commandID: commandID)
        let ended = invocations.filter(\.isFinished).map {
            (
                $0.instanceID,
                Answer(
                    status: $0.status, exitCode: $0.responseCode, line: $0.report,
                    wasDelivered: $0.wasDelivered)
            )
        }
        return Dictionary(ended) { first, _ in first }
    }
}
