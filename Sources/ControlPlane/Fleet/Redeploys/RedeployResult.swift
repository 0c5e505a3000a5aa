import FoundationEssentials
import TenantProtocol

/// What became of a redeploy: the agent's report, SSM's word on the command, and health as the platform saw
/// it.
package struct RedeployResult: Sendable {
    package var report: RedeployReport?
    var ssmStatus: String
    package var exitCode: Int?
    var isHealthy: Bool

    package init(_ answer: GroupCommand.Answer, isHealthy: Bool) {
        report = try? JSONDecoder().decode(RedeployReport.self, from: Data(answer.line.utf8))
        ssmStatus = answer.status
        exitCode = answer.exitCode
        self.isHealthy = isHealthy
    }

    /// Both sides must see health: an image that runs but cannot be reached is not an update.
    package var phase: Redeploy.Phase {
        switch report?.outcome {
        case .updated: isHealthy ? .updated : .failed
        case .unchanged: isHealthy ? .unchanged : .failed
        case .rolledBack: .rolledBack
        case .refused: .refused
        case .failed, .ready, nil: .failed
        }
    }

    var errorCode: String? {
        switch phase {
        case .updated, .unchanged: nil
        default: report?.code?.rawValue ?? (report == nil ? "no_report" : "unhealthy_through_edge")
        }
    }

    package var message: String? {
        let code = report?.code?.rawValue ?? "unknown reason"
        return switch phase {
        case .updated, .unchanged, .sending, .running: nil
        case .rolledBack: "The new image did not become healthy (\(code)); the previous one runs again."
        case .refused where report?.code == .schemaMismatch:
            "The image cannot read the schema that the tenant's data has; the previous image still runs."
        case .refused: "The instance refused the redeploy (\(code)); the previous image still runs."
        case .failed where report?.code == .schemaMismatch:
            "The new image is not healthy, and the previous one cannot read what it has made of the data. "
                + "Redeploy an image that can."
        case .failed where report == nil:
            "The instance sent no report; SSM says \(ssmStatus), "
                + "exit status \(exitCode.map(String.init) ?? "none")."
        case .failed where report?.healthy == true:
            "The image is healthy on the instance, but the tenant does not answer through the edge."
        case .failed:
            "Neither the new nor the previous image is healthy (\(code)). Look at the tenant's console."
        }
    }
}
