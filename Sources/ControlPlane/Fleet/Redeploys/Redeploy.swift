import FoundationEssentials
import Postgres
import TenantProtocol

/// One replacement of a container of a tenant.
package struct Redeploy: Sendable, Encodable {
    static let unreachableCode = "instance_offline"
    static let unreachableMessage =
        "Systems Manager cannot reach the instance, so nothing was sent to it. Look at its agent and its "
        + "route out, then order the redeploy again."

    package enum Phase: String, Sendable, Encodable {
        case sending, running, updated, unchanged
        case rolledBack = "rolled_back"
        case failed, refused
    }

    package var id: UUID
    package var slug: String
    package var service: StackService
    var isRefresh = false
    package var rolloutID: UUID?
    package var phase: Phase
    package var targetTag: String?
    package var previousDigest: String?
    /// Asked for.
    package var digest: String
    /// What runs after the end, as the agent reported it.
    var runningDigest: String?
    var ssmStatus: String?
    var ssmExitCode: Int?
    var healthzOK: Bool?
    var errorCode: String?
    package var error: String?
    package var createdAt: Date?
    package var durationMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
        case slug, service, phase, digest, error
        case isRefresh = "refresh"
        case rolloutID = "rollout_id"
        case errorCode = "error_code"
        case createdAt = "created_at"
        case id = "redeploy_id"
        case targetTag = "target_tag"
        case previousDigest = "previous_digest"
        case runningDigest = "running_digest"
        case ssmStatus = "ssm_status"
        case ssmExitCode = "ssm_exit_code"
        case healthzOK = "healthz_ok"
        case durationMilliseconds = "duration_ms"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id.text, forKey: .id)
        try container.encode(slug, forKey: .slug)
        try container.encode(service, forKey: .service)
        try container.encode(isRefresh, forKey: .isRefresh)
        try container.encode(rolloutID?.text, forKey: .rolloutID)
        try container.encode(errorCode, forKey: .errorCode)
        try container.encode(createdAt, forKey: .createdAt)
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
