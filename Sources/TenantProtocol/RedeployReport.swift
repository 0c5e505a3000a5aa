/// The one JSON line that `tenant-agent redeploy` prints, and that the platform reads from SSM's output.
///
/// A redeploy that carries an `--id` happens once: asked again under the same id, the agent prints the report
/// of the first time. SendCommand has no client token, so a lost answer makes the platform send it twice.
package struct RedeployReport: Codable, Sendable, Equatable {
    package enum Outcome: String, Codable, Sendable {
        /// The new image runs and is healthy. Exit status 0.
        case updated
        /// It ran already, healthy. Exit status 0.
        case unchanged
        /// The new image did not become healthy; the previous one runs again and is healthy. Exit status 10.
        case rolledBack = "rolled_back"
        /// Nothing was replaced (the pull failed, say). Exit status 11.
        case refused
        /// Neither image is healthy, or the previous one cannot read the data any more. Exit status 12.
        case failed
        /// Asked with `--dry-run`: nothing stands in the way. Exit status 0.
        case ready
    }

    package var outcome: Outcome
    package var service: String
    /// `sha256:...` of the image that ran before; nil when none did.
    package var previousDigest: String?
    /// `sha256:...` of the image that runs now.
    package var digest: String?
    package var healthy: Bool
    package var code: FailureCode?
    package var durationMilliseconds: Int

    package init(
        outcome: Outcome, service: String, previousDigest: String?, digest: String?, healthy: Bool,
        code: FailureCode?, durationMilliseconds: Int
    ) {
        self.outcome = outcome
        self.service = service
        self.previousDigest = previousDigest
        self.digest = digest
        self.healthy = healthy
        self.code = code
        self.durationMilliseconds = durationMilliseconds
    }

    package enum CodingKeys: String, CodingKey {
        case outcome, service, digest, healthy, code
        case previousDigest = "previous_digest"
        case durationMilliseconds = "duration_ms"
    }
}
