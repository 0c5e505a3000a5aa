/// The stages of a tenant's first boot, in the order in which they happen.
///
/// The user-data script reports the first three, the agent the rest. A stage is reported when it starts
/// and when it ends, so that a stuck one shows where it is stuck.
package enum BootStage: String, Codable, Sendable, CaseIterable {
    /// cloud-init runs the script.
    case userdata
    /// A container runtime answers; installed first where it is missing.
    case docker
    /// The agent is fetched and its SHA-256 is the declared one.
    case agentFetch = "agent_fetch"
    /// The instance proved what it is and received its secrets.
    case enrolment
    /// The stack's images are on the disk.
    case images
    case postgres
    case redis
    case memoryPlugin = "memory_plugin"
    /// workspace-server answers 200 on `/health`.
    case tenant
    /// The tunnel's connector is registered at the edge.
    case tunnel
    /// Everything above holds at once.
    case complete

    /// Position in the boot, from 0.
    package var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What became of a stage.
package enum StageOutcome: String, Codable, Sendable, CaseIterable {
    case started, succeeded, failed
}

/// Why something on an instance failed. A closed list: nothing that a tenant wrote can cross in it.
package enum FailureCode: String, Codable, Sendable, CaseIterable {
    case timeout
    case unhealthy
    case pullFailed = "pull_failed"
    case imageNotFound = "image_not_found"
    case startFailed = "start_failed"
    case checksumMismatch = "checksum_mismatch"
    case downloadFailed = "download_failed"
    case dockerUnavailable = "docker_unavailable"
    case diskFull = "disk_full"
    case enrolmentRefused = "enrolment_refused"
    case platformUnreachable = "platform_unreachable"
    case invalidDeclaration = "invalid_declaration"
    case interrupted
    /// The image cannot read the schema that the tenant's data has.
    case schemaMismatch = "schema_mismatch"
    /// Another boot or redeploy is under way on the instance.
    case busy
    case internalError = "internal_error"
}
