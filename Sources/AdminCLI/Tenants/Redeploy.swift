/// One replacement of a container, or with `preflight` what one would be.
struct Redeploy: Decodable {
    /// The instance's own word on a dry run.
    struct Preflight: Decodable {
        var outcome: String
        var message: String

        var isReady: Bool { outcome == "ready" }
    }

    var id: String?
    var slug: String
    var service: String?
    var isRefresh: Bool?
    var rolloutID: String?
    var phase: String?
    var targetTag: String?
    var previousDigest: String?
    /// Asked for.
    var digest: String?
    /// What runs, once it has ended.
    var runningDigest: String?
    var error: String?
    var ssmStatus: String?
    var isHealthy: Bool?
    var wouldChange: Bool?
    var preflight: Preflight?
    var createdAt: Timestamp?
    var durationMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
        case slug, service, phase, digest, error, preflight
        case id = "redeploy_id"
        case isRefresh = "refresh"
        case rolloutID = "rollout_id"
        case targetTag = "target_tag"
        case previousDigest = "previous_digest"
        case runningDigest = "running_digest"
        case ssmStatus = "ssm_status"
        case isHealthy = "healthz_ok"
        case wouldChange = "would_change"
        case createdAt = "created_at"
        case durationMilliseconds = "duration_ms"
    }

    var isSuccess: Bool { phase == "updated" || phase == "unchanged" }
    var isFinal: Bool { isSuccess || ["rolled_back", "failed", "refused"].contains(phase) }

    func lines(isPlan: Bool) -> [String] {
        let what = service.map { $0 == "tenant" ? slug : "\($0) of \(slug)" } ?? slug
        let digests = ["from  \(previousDigest ?? "-")", "to    \(digest ?? "-")"]
        guard isPlan else { return ["Redeploying \(what) (\(id ?? "-"))"] + digests }
        let isSame = wouldChange == false
        return [isSame ? "\(what) runs this image already." : "\(what) would be redeployed."] + digests
            + (preflight.map { ["preflight \($0.outcome): \($0.message)"] } ?? [])
    }

    var summary: [String] {
        let time = durationMilliseconds.map { " after \(seconds(.milliseconds($0)))" } ?? ""
        let outcome = "\(slug): \(phase ?? "-")\(time), \(isHealthy == true ? "healthy" : "not healthy")"
        let asked = isSuccess ? [] : ["asked \(digest ?? "-")"]
        let digests = ["was   \(previousDigest ?? "-")"] + asked + ["now   \(runningDigest ?? digest ?? "-")"]
        return [outcome] + digests + (error.map { ["error \($0)"] } ?? [])
    }

    /// Of a table of the history.
    var cells: [String] {
        let to = isRefresh == true ? "configuration" : shortDigest(digest)
        return [
            createdAt?.text ?? "-", service ?? "tenant", shortDigest(previousDigest),
            targetTag.map { "\(to) (\($0))" } ?? to, phase.map(words) ?? "-",
            durationMilliseconds.map { seconds(.milliseconds($0)) } ?? "-",
            rolloutID.map { "rollout \($0.prefix(RolloutReference.shortest))" } ?? "operator", error ?? "",
        ]
    }
}

/// `12.3 s`
func seconds(_ duration: Duration) -> String {
    let (whole, attoseconds) = duration.components
    return "\(whole).\(attoseconds / 100_000_000_000_000_000) s"
}
