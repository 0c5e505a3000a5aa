import FoundationEssentials
import Postgres

/// One image for many tenants, in waves.
package struct Rollout: Sendable {
    package enum State: String, Sendable, Encodable {
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

        package var isFinal: Bool {
            switch self {
            case .running, .paused, .rollingBack: false
            default: true
            }
        }
    }

    package enum Stage: String, Sendable, Encodable {
        case redeploying, soaking, judging, ended
        case rollingBack = "rolling_back"
    }

    package var id: UUID
    package var service: StackService
    package var targetTag: String?
    /// `registry/repository@sha256:...`; nil: only the settings is fetched anew.
    package var image: String?
    package var digest: String?
    package var channel: String?
    package var settings: RolloutSettings
    package var state: State
    package var stage = Stage.redeploying
    package var wave = 0
    /// Planned ones. Number `waves` itself is for those that were offline.
    package var waves: Int
    var soakUntil: Date?
    package var reasonCode: String?
    package var reason: String?
    var promotedWave = -1
    var isAbortRequested = false
    var isRollbackRequested = false
    package var createdAt = Date()
    package var finishedAt: Date?

    func isPromoted(past wave: Int) -> Bool { promotedWave >= wave }

    /// What takes the containers' place.
    package func replacement(image: String?) -> Replacement {
        Replacement(
            service: service, image: image, healthSeconds: settings.healthSeconds,
            drainSeconds: settings.drainSeconds)
    }
}

extension Rollout {
    package static let columns: SQL =
        """
        id, service, target_tag, image, digest, channel, settings, state, stage, wave, waves, soak_until,
            reason_code, reason, promoted_wave, abort_requested, rollback_requested, created_at, finished_at
        """

    package init(_ row: Row) throws {
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
package struct RolloutTenant: Sendable {
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        case pending, updating, updated, reverting
        case rolledBack = "rolled_back"
        case skipped, failed, untouched
    }

    package enum Verdict: String, Sendable, Codable {
        case pending, healthy, unhealthy, inconclusive
    }

    package var orgID: UUID
    package var slug: String
    package var wave: Int
    package var outcome: Outcome
    package var verdict: Verdict?
    var redeployID: UUID?
    package var digestBefore: String?
    var digestAfter: String?
    package var reasonCode: String?
    package var reason: String?

    package init(
        orgID: UUID, slug: String, wave: Int, outcome: Outcome, verdict: Verdict? = nil,
        redeployID: UUID? = nil, digestBefore: String? = nil, digestAfter: String? = nil,
        reasonCode: String? = nil, reason: String? = nil
    ) {
        self.orgID = orgID
        self.slug = slug
        self.wave = wave
        self.outcome = outcome
        self.verdict = verdict
        self.redeployID = redeployID
        self.digestBefore = digestBefore
        self.digestAfter = digestAfter
        self.reasonCode = reasonCode
        self.reason = reason
    }
}

extension RolloutTenant {
    package static let columns: SQL =
        """
        org_id, slug, wave, outcome, verdict, redeploy_id, digest_before, digest_after, reason_code, reason
        """

    package init(_ row: Row) throws {
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
package struct RolloutTally: Sendable {
    package struct Group: Sendable {
        package var wave: Int
        package var outcome: RolloutTenant.Outcome
        package var verdict: RolloutTenant.Verdict?
        package var count: Int

        package init(
            wave: Int, outcome: RolloutTenant.Outcome, verdict: RolloutTenant.Verdict? = nil, count: Int
        ) {
            self.wave = wave
            self.outcome = outcome
            self.verdict = verdict
            self.count = count
        }
    }

    package var groups: [Group]
    /// Those that share a command now.
    var liveBatches: Int

    package func count(_ outcomes: Set<RolloutTenant.Outcome>, wave: Int? = nil) -> Int {
        count { outcomes.contains($0.outcome) && (wave == nil || $0.wave == wave) }
    }

    package func count(_ verdict: RolloutTenant.Verdict, wave: Int? = nil) -> Int {
        count { $0.outcome == .updated && $0.verdict == verdict && (wave == nil || $0.wave == wave) }
    }

    private func count(_ belongs: (Group) -> Bool) -> Int {
        groups.reduce(0) { $0 + (belongs($1) ? $1.count : 0) }
    }

    /// Without those that are passed by: they belong to no wave.
    package func size(of wave: Int) -> Int {
        count(Set(RolloutTenant.Outcome.allCases).subtracting([.skipped]), wave: wave)
    }

    /// An image that does not stay healthy has failed as much as one that never was.
    package var failures: Int { count([.failed, .rolledBack]) + count(.unhealthy) }
    var attempted: Int { count([.failed, .rolledBack, .updated]) }
}
