import FoundationEssentials
import Postgres

/// One image for many tenants, in waves.
struct Rollout: Sendable {
    enum State: String, Sendable, Encodable {
        case running, paused
        case rollingBack = "rolling_back"
        /// Every tenant that was not passed by runs the image.
        case succeeded
        /// It went to its end, and some tenants do not run the image: offline, or failures that were borne.
        case incomplete
        /// It stopped for its failures; what was updated stays so, or could not be undone.
        case failed
        case aborted
        case rolledBack = "rolled_back"

        var isFinal: Bool {
            switch self {
            case .running, .paused, .rollingBack: false
            default: true
            }
        }
    }

    enum Stage: String, Sendable, Encodable {
        case redeploying, soaking, judging, ended
        case rollingBack = "rolling_back"
    }

    var id: UUID
    var service: StackService
    var targetTag: String?
    /// `registry/repository@sha256:...`; nil: only the configuration is fetched anew.
    var image: String?
    var digest: String?
    var channel: String?
    var settings: RolloutSettings
    var state: State
    var stage = Stage.redeploying
    var wave = 0
    /// Planned ones. Number `waves` itself is for those that were offline.
    var waves: Int
    var soakUntil: Date?
    var reasonCode: String?
    var reason: String?
    var promotedWave = -1
    var isAbortRequested = false
    var isRollbackRequested = false
    var createdAt = Date()
    var finishedAt: Date?

    func isPromoted(past wave: Int) -> Bool { promotedWave >= wave }

    /// What takes the containers' place.
    func replacement(image: String?) -> Replacement {
        Replacement(
            service: service, image: image, healthSeconds: settings.healthSeconds,
            drainSeconds: settings.drainSeconds)
    }
}

extension Rollout {
    static let columns: SQL =
        """
        id, service, target_tag, image, digest, channel, settings, state, stage, wave, waves, soak_until,
            reason_code, reason, promoted_wave, abort_requested, rollback_requested, created_at, finished_at
        """

    init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        service = try row.decode("service", as: StackService.self)
        targetTag = try row["target_tag", as: String?.self]
        image = try row["image", as: String?.self]
        digest = try row["digest", as: String?.self]
        channel = try row["channel", as: String?.self]
        settings = try row["settings", as: JSON<RolloutSettings>.self].value
        state = try row.decode("state", as: State.self)
        stage = try row.decode("stage", as: Stage.self)
        wave = try row["wave", as: Int.self]
        waves = try row["waves", as: Int.self]
        soakUntil = try row["soak_until", as: Date?.self]
        reasonCode = try row["reason_code", as: String?.self]
        reason = try row["reason", as: String?.self]
        promotedWave = try row["promoted_wave", as: Int.self]
        isAbortRequested = try row["abort_requested", as: Bool.self]
        isRollbackRequested = try row["rollback_requested", as: Bool.self]
        createdAt = try row["created_at", as: Date.self]
        finishedAt = try row["finished_at", as: Date?.self]
    }
}

/// What became of one tenant of a rollout.
struct RolloutTenant: Sendable {
    enum Outcome: String, Sendable, Codable, CaseIterable {
        case pending, updating, updated, reverting
        case rolledBack = "rolled_back"
        case skipped, failed, untouched
    }

    enum Verdict: String, Sendable, Codable {
        case pending, healthy, unhealthy, inconclusive
    }

    var orgID: UUID
    var slug: String
    var wave: Int
    var outcome: Outcome
    var verdict: Verdict?
    var redeployID: UUID?
    var digestBefore: String?
    var digestAfter: String?
    var reasonCode: String?
    var reason: String?
}

extension RolloutTenant {
    static let columns: SQL =
        """
        org_id, slug, wave, outcome, verdict, redeploy_id, digest_before, digest_after, reason_code, reason
        """

    init(_ row: Row) throws {
        orgID = try row["org_id", as: UUID.self]
        slug = try row["slug", as: String.self]
        wave = try row["wave", as: Int.self]
        outcome = try row.decode("outcome", as: Outcome.self)
        verdict = try row["verdict", as: String?.self].flatMap(Verdict.init)
        redeployID = try row["redeploy_id", as: UUID?.self]
        digestBefore = try row["digest_before", as: String?.self]
        digestAfter = try row["digest_after", as: String?.self]
        reasonCode = try row["reason_code", as: String?.self]
        reason = try row["reason", as: String?.self]
    }
}

/// How many tenants of a rollout are where.
struct RolloutTally: Sendable {
    struct Group: Sendable {
        var wave: Int
        var outcome: RolloutTenant.Outcome
        var verdict: RolloutTenant.Verdict?
        var count: Int
    }

    var groups: [Group]
    /// Those that share a command now.
    var liveBatches: Int

    func count(_ outcomes: Set<RolloutTenant.Outcome>, wave: Int? = nil) -> Int {
        count { outcomes.contains($0.outcome) && (wave == nil || $0.wave == wave) }
    }

    func count(_ verdict: RolloutTenant.Verdict, wave: Int? = nil) -> Int {
        count { $0.outcome == .updated && $0.verdict == verdict && (wave == nil || $0.wave == wave) }
    }

    private func count(_ belongs: (Group) -> Bool) -> Int {
        groups.reduce(0) { $0 + (belongs($1) ? $1.count : 0) }
    }

    /// Without those that are passed by: they belong to no wave.
    func size(of wave: Int) -> Int {
        count(Set(RolloutTenant.Outcome.allCases).subtracting([.skipped]), wave: wave)
    }

    /// An image that does not stay healthy has failed as much as one that never was.
    var failures: Int { count([.failed, .rolledBack]) + count(.unhealthy) }
    var attempted: Int { count([.failed, .rolledBack, .updated]) }
}
