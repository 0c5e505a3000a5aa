import FoundationEssentials
import Postgres
import TenantProtocol

/// One replacement of a tenant's image.
struct Redeploy: Sendable, Encodable {
    enum Phase: String, Sendable, Encodable {
        case sending, running, updated, unchanged
        case rolledBack = "rolled_back"
        case failed, refused
    }

    var id: UUID
    var slug: String
    var phase: Phase
    var targetTag: String?
    var previousDigest: String?
    /// Asked for.
    var digest: String
    /// What runs after the end, as the agent reported it.
    var runningDigest: String?
    var ssmStatus: String?
    var ssmExitCode: Int?
    var healthzOK: Bool?
    var error: String?
    var durationMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
        case slug, phase, digest, error
        case id = "redeploy_id"
        case targetTag = "target_tag"
        case previousDigest = "previous_digest"
        case runningDigest = "running_digest"
        case ssmStatus = "ssm_status"
        case ssmExitCode = "ssm_exit_code"
        case healthzOK = "healthz_ok"
        case durationMilliseconds = "duration_ms"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id.text, forKey: .id)
        try container.encode(slug, forKey: .slug)
        try container.encode(phase, forKey: .phase)
        try container.encode(targetTag, forKey: .targetTag)
        try container.encode(previousDigest, forKey: .previousDigest)
        try container.encode(digest, forKey: .digest)
        try container.encode(runningDigest, forKey: .runningDigest)
        try container.encode(ssmStatus, forKey: .ssmStatus)
        try container.encode(ssmExitCode, forKey: .ssmExitCode)
        try container.encode(healthzOK, forKey: .healthzOK)
        try container.encode(error, forKey: .error)
        try container.encode(durationMilliseconds, forKey: .durationMilliseconds)
    }
}

extension RedeployReport {
    /// Longest line that is read from SSM's output, in characters.
    static let maximumLineLength = 4_096

    /// The agent's report is the last line that begins like one.
    static func line(in output: String) -> String? {
        output.split(whereSeparator: \.isNewline).last {
            $0.hasPrefix("{") && $0.utf8.count <= maximumLineLength
        }
        .map(String.init)
    }
}

/// What became of a redeploy: the agent's report, SSM's word on the command, and health as the platform saw
/// it.
struct RedeployResult: Sendable {
    var report: RedeployReport?
    var ssmStatus: String
    var exitCode: Int?
    var isHealthy: Bool

    init(output: String, ssmStatus: String, exitCode: Int?, isHealthy: Bool) {
        report = try? JSONDecoder().decode(RedeployReport.self, from: Data(output.utf8))
        self.ssmStatus = ssmStatus
        self.exitCode = exitCode
        self.isHealthy = isHealthy
    }

    /// Both sides must see health: an image that runs but cannot be reached is not an update.
    var phase: Redeploy.Phase {
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

    var message: String? {
        let code = report?.code?.rawValue ?? "unknown reason"
        return switch phase {
        case .updated, .unchanged, .sending, .running: nil
        case .rolledBack: "The new image did not become healthy (\(code)); the previous one runs again."
        case .refused: "The instance refused the redeploy (\(code)); the previous image still runs."
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
