import FoundationEssentials

/// A rollout as the routes show it.
package struct RolloutView: Encodable, Sendable {
    package struct Wave: Encodable, Sendable {
        package var number: Int
        /// `canary`, `wave N`, or `offline` for those that were away.
        package var name: String
        package var total: Int
        /// By outcome, without those that are none.
        package var outcomes: [String: Int]
        package var unhealthy: Int
        var inconclusive: Int

        package init(
            number: Int, name: String, total: Int, outcomes: [String: Int], unhealthy: Int, inconclusive: Int
        ) {
            self.number = number
            self.name = name
            self.total = total
            self.outcomes = outcomes
            self.unhealthy = unhealthy
            self.inconclusive = inconclusive
        }
    }

    package var id: String
    package var state: Rollout.State
    package var stage: Rollout.Stage
    package var wave: Int
    package var service: StackService
    var isRefresh: Bool
    package var targetTag: String?
    package var digest: String?
    package var channel: String?
    package var reasonCode: String?
    package var reason: String?
    var soakUntil: Date?
    package var settings: RolloutSettings
    /// By outcome.
    package var outcomes: [String: Int]
    package var total: Int
    package var waves: [Wave]
    /// Median of the last redeploys; nil before the first.
    var paceSeconds: Double?
    /// Of a plan or of what is left; nil once it has ended.
    package var estimatedSeconds: Int?
    package var createdAt: Date
    package var finishedAt: Date?

    enum CodingKeys: String, CodingKey {
        case id, state, stage, wave, service, digest, channel, reason, settings, outcomes, total, waves
        case isRefresh = "refresh"
        case targetTag = "target_tag"
        case reasonCode = "reason_code"
        case soakUntil = "soak_until"
        case paceSeconds = "pace_seconds"
        case estimatedSeconds = "estimated_seconds"
        case createdAt = "created_at"
        case finishedAt = "finished_at"
    }

    package init(_ rollout: Rollout, _ tally: RolloutTally, paceSeconds: Double?) {
        id = rollout.id.text
        state = rollout.state
        stage = rollout.stage
        wave = rollout.wave
        service = rollout.service
        isRefresh = rollout.image == nil
        targetTag = rollout.targetTag
        digest = rollout.digest
        channel = rollout.channel
        reasonCode = rollout.reasonCode
        reason = rollout.reason
        soakUntil = rollout.stage == .soaking ? rollout.soakUntil : nil
        settings = rollout.settings
        outcomes = Self.outcomes(tally, wave: nil)
        total = outcomes.values.reduce(0, +)
        waves = (0...rollout.waves).compactMap { Self.wave($0, rollout, tally) }
        self.paceSeconds = paceSeconds
        createdAt = rollout.createdAt
        finishedAt = rollout.finishedAt
        guard !rollout.state.isFinal else { return }
        let pace = paceSeconds ?? RolloutPlan.assumedSeconds
        estimatedSeconds = Self.secondsLeft(rollout, tally, pace: pace)
    }

    private static func outcomes(_ tally: RolloutTally, wave: Int?) -> [String: Int] {
        RolloutTenant.Outcome.allCases.reduce(into: [:]) { counts, outcome in
            let count = tally.count([outcome], wave: wave)
            if count > 0 { counts[outcome.rawValue] = count }
        }
    }

    private static func wave(_ number: Int, _ rollout: Rollout, _ tally: RolloutTally) -> Wave? {
        var outcomes = outcomes(tally, wave: number)
        // Those that are passed by belong to no wave.
        outcomes[RolloutTenant.Outcome.skipped.rawValue] = nil
        let total = outcomes.values.reduce(0, +)
        guard total > 0 else { return nil }
        let name = number == 0 ? "canary" : number == rollout.waves ? "offline" : "wave \(number)"
        return Wave(
            number: number, name: name, total: total, outcomes: outcomes,
            unhealthy: tally.count(.unhealthy, wave: number),
            inconclusive: tally.count(.inconclusive, wave: number))
    }

    private static func secondsLeft(_ rollout: Rollout, _ tally: RolloutTally, pace: Double) -> Int {
        var seconds = 0.0
        for number in rollout.wave...max(rollout.wave, rollout.waves) {
            let left = tally.count([.pending, .updating, .reverting], wave: number)
            guard left > 0 || number == rollout.wave else { continue }
            seconds += rollout.settings.seconds(wave: number, tenants: left, pace: pace)
        }
        return Int(seconds.rounded(.up))
    }
}

/// What a rollout would do.
package struct RolloutPlanView: Encodable, Sendable {
    package struct Wave: Encodable, Sendable {
        package var number: Int
        package var name: String
        package var slugs: [String]

        package init(number: Int, name: String, slugs: [String]) {
            self.number = number
            self.name = name
            self.slugs = slugs
        }
    }

    package struct Skip: Encodable, Sendable {
        package var slug: String
        package var reason: RolloutPlan.Skip.Reason

        package init(slug: String, reason: RolloutPlan.Skip.Reason) {
            self.slug = slug
            self.reason = reason
        }
    }

    package var dryRun = true
    package var service: StackService
    package var targetTag: String?
    package var digest: String?
    package var settings: RolloutSettings
    package var total: Int
    package var waves: [Wave]
    package var skipped: [Skip]
    var paceSeconds: Double?
    package var estimatedSeconds: Int

    enum CodingKeys: String, CodingKey {
        case service, digest, settings, total, waves, skipped
        case dryRun = "dry_run"
        case targetTag = "target_tag"
        case paceSeconds = "pace_seconds"
        case estimatedSeconds = "estimated_seconds"
    }

    package init(_ planned: PlannedRollout) {
        service = planned.rollout.service
        targetTag = planned.rollout.targetTag
        digest = planned.rollout.digest
        settings = planned.rollout.settings
        total = planned.plan.tenantCount
        waves = planned.plan.waves.enumerated().compactMap { number, tenants in
            tenants.isEmpty
                ? nil
                : Wave(
                    number: number, name: number == 0 ? "canary" : "wave \(number)",
                    slugs: tenants.map(\.slug))
        }
        skipped = planned.plan.skipped.map { Skip(slug: $0.slug, reason: $0.reason) }
        paceSeconds = planned.paceSeconds
        estimatedSeconds = planned.estimatedSeconds
    }
}

/// One tenant of a rollout, with what its last redeploy came to.
package struct RolloutTenantView: Encodable, Sendable {
    package var tenant: RolloutTenant
    var ssmStatus: String?
    var ssmExitCode: Int?
    var healthzOK: Bool?

    package init(
        tenant: RolloutTenant, ssmStatus: String? = nil, ssmExitCode: Int? = nil, healthzOK: Bool? = nil
    ) {
        self.tenant = tenant
        self.ssmStatus = ssmStatus
        self.ssmExitCode = ssmExitCode
        self.healthzOK = healthzOK
    }

    enum CodingKeys: String, CodingKey {
        case slug, wave, phase, verdict, error
        case redeployID = "redeploy_id"
        case digestBefore = "digest_before"
        case digestAfter = "digest_after"
        case ssmStatus = "ssm_status"
        case ssmExitCode = "ssm_exit_code"
        case healthzOK = "healthz_ok"
        case errorCode = "error_code"
    }

    /// Every member is there, null where nothing is known.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(tenant.slug, forKey: .slug)
        try container.encode(tenant.wave, forKey: .wave)
        try container.encode(tenant.outcome, forKey: .phase)
        try container.encode(tenant.verdict, forKey: .verdict)
        try container.encode(tenant.redeployID?.text, forKey: .redeployID)
        try container.encode(tenant.digestBefore, forKey: .digestBefore)
        try container.encode(tenant.digestAfter, forKey: .digestAfter)
        try container.encode(ssmStatus, forKey: .ssmStatus)
        try container.encode(ssmExitCode, forKey: .ssmExitCode)
        try container.encode(healthzOK, forKey: .healthzOK)
        try container.encode(tenant.reasonCode, forKey: .errorCode)
        try container.encode(tenant.reason, forKey: .error)
    }
}
