/// The one JSON line that `tenant-agent observe` prints: how molecule-tenant has fared since its present
/// container took over, beside the hour before that. Counts only: nothing of what was asked or answered.
///
/// The agent reads `molecule_tenant_http_responses_total` and `molecule_tenant_http_duration_seconds` of the
/// image's own `/metrics` every 20 seconds. An image without them is judged by its health and restarts alone.
package struct HealthObservation: Codable, Sendable, Equatable {
    /// `sha256:...` of the image that runs; nil when none does.
    package var digest: String?
    /// Whether every container of the stack runs and is healthy now.
    package var healthy: Bool
    /// How often molecule-tenant's container was started again by itself since it took over.
    package var restarts: Int
    /// Since it took over, in whole seconds.
    package var upSeconds: Int
    /// The hour before it took over; nil when nothing is known of it.
    package var before: Traffic?
    /// Since it took over; nil when nothing is known of it.
    package var since: Traffic?

    package struct Traffic: Codable, Sendable, Equatable {
        /// The time that the counts cover, at most 3,600.
        package var seconds: Int
        /// Requests answered, without those to `/health` and `/metrics`.
        package var requests: Int
        /// Of these, answered with 5xx.
        package var errors: Int
        /// 95th percentile of the time to answer, in milliseconds; nil without requests.
        package var p95Milliseconds: Int?

        package init(seconds: Int, requests: Int, errors: Int, p95Milliseconds: Int?) {
            self.seconds = seconds
            self.requests = requests
            self.errors = errors
            self.p95Milliseconds = p95Milliseconds
        }

        package enum CodingKeys: String, CodingKey {
            case seconds, requests, errors
            case p95Milliseconds = "p95_ms"
        }
    }

    package init(
        digest: String?, healthy: Bool, restarts: Int, upSeconds: Int, before: Traffic?, since: Traffic?
    ) {
        self.digest = digest
        self.healthy = healthy
        self.restarts = restarts
        self.upSeconds = upSeconds
        self.before = before
        self.since = since
    }

    package enum CodingKeys: String, CodingKey {
        case digest, healthy, restarts, before, since
        case upSeconds = "up_seconds"
    }
}
