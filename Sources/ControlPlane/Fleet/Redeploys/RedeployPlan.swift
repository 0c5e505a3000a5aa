import FoundationEssentials
import Organisations
import Providers
import TenantProtocol

/// What a redeploy would do, and whether the instance would let it: it is asked, and changes nothing.
package struct RedeployPlan: Encodable, Sendable {
    package var slug: String
    package var service: StackService
    package var previousDigest: String?
    package var digest: String?
    package var wouldChange: Bool
    package var dryRun = true
    package var preflight: Preflight

    /// The instance's own word.
    package struct Preflight: Encodable, Sendable {
        package enum Outcome: String, Encodable { case ready, refused, unreachable, unknown }

        package var outcome: Outcome
        /// Of `refused`.
        package var code: FailureCode?
        package var message: String

        package init(outcome: Outcome, code: FailureCode? = nil, message: String) {
            self.outcome = outcome
            self.code = code
            self.message = message
        }
    }

    enum CodingKeys: String, CodingKey {
        case slug, service, digest, preflight
        case previousDigest = "previous_digest"
        case wouldChange = "would_change"
        case dryRun = "dry_run"
    }

    package init(_ fleet: FleetContext, _ org: Org, _ tenant: Tenant, _ replacement: Replacement) async throws
    {
        slug = org.slug
        service = replacement.service
        previousDigest = tenant.digest(of: service)
        digest = replacement.digest ?? previousDigest
        wouldChange = replacement.image == nil || digest != previousDigest
        preflight = await Preflight(fleet, instanceID: tenant.instanceID ?? "", replacement)
    }
}

extension RedeployPlan.Preflight {
    /// How long the request waits for the instance.
    package static let patience: Duration = .seconds(20)

    package init(_ fleet: FleetContext, instanceID: String, _ replacement: Replacement) async {
        do {
            self = try await Self.ask(fleet, instanceID, replacement)
        } catch let error as ProviderError {
            self.init(outcome: .unknown, message: "Systems Manager did not help: \(error.code).")
        } catch {
            self.init(outcome: .unknown, message: "The instance could not be asked. Try again.")
        }
    }

    private static func ask(
        _ fleet: FleetContext, _ instanceID: String, _ replacement: Replacement
    ) async throws -> Self {
        guard try await !fleet.ssm.online(of: [instanceID]).isEmpty else {
            return .init(outcome: .unreachable, message: Redeploy.unreachableMessage)
        }
        let id = "preflight-\(UUID().text)"
        let command = try await fleet.ssm.sendCommand(
            instanceIDs: [instanceID],
            commands: [AgentCommand.redeploy(replacement, id: id, isDryRun: true)],
            deliverySeconds: 30, limitSeconds: 60, comment: id)
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(300))
            let answer = try await fleet.ssm.listCommandInvocations(commandID: command).first
            if let answer, answer.isFinished { return Self(answer) }
        }
        return .init(outcome: .unknown, message: "The instance did not answer within 20 seconds.")
    }

    private init(_ answer: ListedInvocation) {
        let report = try? JSONDecoder().decode(RedeployReport.self, from: Data(answer.report.utf8))
        switch report?.outcome {
        case .ready: self.init(outcome: .ready, message: "Nothing stands in the way.")
        case .unchanged: self.init(outcome: .ready, message: "It runs this image already, healthy.")
        case nil: self.init(outcome: .unknown, message: "The instance sent no report (\(answer.status)).")
        default:
            self.init(
                outcome: .refused, code: report?.code,
                message: "The instance would refuse it (\(report?.code?.rawValue ?? "no reason given")).")
        }
    }
}
