/// The body of `POST /cp/admin/rollouts`. What is nil is left to the control plane.
struct RolloutOrder: Encodable, Equatable {
    var targetTag: String?
    var digest: String?
    var service: String?
    var refresh: Bool?
    var channel: String?
    var slugs: [String]?
    var canarySlugs: [String]?
    var soakSeconds: Int?
    var waveSoakSeconds: Int?
    var waves: [Int]?
    var batchSize: Int?
    var concurrency: Int?
    var healthSeconds: Int?
    var drainSeconds: Int?
    var maximumFailures: Int?
    var maximumFailurePercent: Int?
    var offlineSeconds: Int?
    var rollback: String?
    var force: Bool?
    var dryRun: Bool?

    enum CodingKeys: String, CodingKey {
        case digest, service, refresh, channel, slugs, waves, concurrency, rollback, force
        case targetTag = "target_tag"
        case canarySlugs = "canary_slugs"
        case soakSeconds = "soak_seconds"
        case waveSoakSeconds = "wave_soak_seconds"
        case batchSize = "batch_size"
        case healthSeconds = "health_seconds"
        case drainSeconds = "drain_seconds"
        case maximumFailures = "max_failures"
        case maximumFailurePercent = "max_failure_percent"
        case offlineSeconds = "offline_seconds"
        case dryRun = "dry_run"
    }
}
