import FoundationEssentials
import TenantProtocol

/// What a redeploy would do, and whether the instance would let it: it is asked, and changes nothing.
struct RedeployPlan: Encodable, Sendable {
    var slug: String
    var service: StackService
    var previousDigest: String?
    var digest: String?
    var wouldChange: Bool
    var dryRun = true
    var preflight: Preflight

    /// The instance's own word.
    struct Preflight: Encodable, Sendable {
        enum Outcome: String, Encodable { case ready, refused, unreachable, unknown }

        var outcome: Outcome
        /// Of `refused`.
        var code: FailureCode?
        var message: String
    }

    enum CodingKeys: String, CodingKey {
        case slug, service, digest, preflight
        case previousDigest = "previous_digest"
        case wouldChange = "would_change"
        case dryRun = "dry_run"
    }

    init(_ platform: Platform, _ org: Org, _ tenant: Tenant, _ replacement: Replacement) async throws {
        slug = org.slug
        service = replacement.service
        previousDigest = tenant.digest(of: service)
        digest = replacement.digest ?? previousDigest
        wouldChange = replacement.image == nil || digest != previousDigest
        preflight = await Preflight(platform, instanceID: tenant.instanceID ?? "", replacement)
    }
}

extension RedeployPlan.Preflight {
    /// How long the request waits for the instance.
    static let patience: Duration = .seconds(20)

    init(_ platform: Platform, instanceID: String, _ replacement: Replacement) async {
        do {
            self = try await Self.ask(platform, instanceID, replacement)
        } catch let error as ProviderError {
            self.init(outcome: .unknown, message: "Systems Manager did not help: \(error.code).")
        } catch {
            self.init(outcome: .unknown, message: "The instance could not be asked. Try again.")
        }
    }

    private static func ask(
        _ platform: Platform, _ instanceID: String, _ replacement: Replacement
    ) async throws -> Self {
        guard try await !platform.ssm.online(of: [instanceID]).isEmpty else {
            return .init(outcome: .unreachable, message: Redeploy.unreachableMessage)
        }
        let id = "preflight-\(UUID().text)"
        let command = try await platform.ssm.sendCommand(
            instanceIDs: [instanceID],
            commands: [AgentCommand.redeploy(replacement, id: id, isDryRun: true)],
            deliverySeconds: 30, limitSeconds: 60, comment: id)
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(300))
            let answer = try await platform.ssm.listCommandInvocations(commandID: command).first
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
