import AdminProtocol
import FoundationEssentials
import Organisations

/// The body of `POST /cp/admin/rollouts`.
package struct RolloutBody: Decodable, Sendable {
    package var targetTag: String?
    package var digest: String?
    package var service: String?
    package var refresh: Bool?
    package var channel: String?
    package var slugs: [String]?
    package var canarySlugs: [String]?
    package var soakSeconds: Int?
    package var waveSoakSeconds: Int?
    package var waves: [Int]?
    package var batchSize: Int?
    package var concurrency: Int?
    package var healthSeconds: Int?
    package var drainSeconds: Int?
    var maximumFailures: Int?
    package var maximumFailurePercent: Int?
    package var offlineSeconds: Int?
    package var rollback: String?
    package var force: Bool?
    package var dryRun: Bool?

    package init(
        targetTag: String? = nil, digest: String? = nil, service: String? = nil, refresh: Bool? = nil,
        channel: String? = nil, slugs: [String]? = nil, canarySlugs: [String]? = nil, soakSeconds: Int? = nil,
        waveSoakSeconds: Int? = nil, waves: [Int]? = nil, batchSize: Int? = nil, concurrency: Int? = nil,
        healthSeconds: Int? = nil, drainSeconds: Int? = nil, maximumFailures: Int? = nil,
        maximumFailurePercent: Int? = nil, offlineSeconds: Int? = nil, rollback: String? = nil,
        force: Bool? = nil, dryRun: Bool? = nil
    ) {
        self.targetTag = targetTag
        self.digest = digest
        self.service = service
        self.refresh = refresh
        self.channel = channel
        self.slugs = slugs
        self.canarySlugs = canarySlugs
        self.soakSeconds = soakSeconds
        self.waveSoakSeconds = waveSoakSeconds
        self.waves = waves
        self.batchSize = batchSize
        self.concurrency = concurrency
        self.healthSeconds = healthSeconds
        self.drainSeconds = drainSeconds
        self.maximumFailures = maximumFailures
        self.maximumFailurePercent = maximumFailurePercent
        self.offlineSeconds = offlineSeconds
        self.rollback = rollback
        self.force = force
        self.dryRun = dryRun
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
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

/// A rollout as it is asked for, every value within its limits.
package struct RolloutOrder: Sendable {
    package var images: ImageOrder
    /// Whose tenants; nil: all.
    package var channel: String?
    /// Only these; nil: all.
    package var slugs: [String]?
    package var settings: RolloutSettings
    /// Also to an image that was rolled back from.
    var isForced: Bool
    package var isDryRun: Bool

    package static let maximumSlugs = 10_000

    /// - Parameter healthSeconds: where the body does not say.
    package init(_ body: RolloutBody, healthSeconds: Int) throws {
        images = try ImageOrder(
            service: body.service, targetTag: body.targetTag, digest: body.digest, refresh: body.refresh)
        if let name = body.channel, !ReleaseChannel.isName(name) {
            throw AppError.invalidField("channel", "The field \"channel\" is not a channel's name.")
        }
        channel = body.channel
        slugs = try body.slugs.map { try Self.slugs($0, "slugs", atMost: Self.maximumSlugs) }
        isForced = body.force ?? false
        isDryRun = body.dryRun ?? false
        settings = RolloutSettings(healthSeconds: healthSeconds)
        try apply(body)
    }

    private mutating func apply(_ body: RolloutBody) throws {
        typealias Limits = RolloutSettings
        func number(_ value: Int?, _ field: String, _ limits: ClosedRange<Int>, _ into: inout Int) throws {
            guard let value else { return }
            guard limits.contains(value) else {
                throw AppError.invalidField(
                    field,
                    "The field \"\(field)\" is a whole number from \(limits.lowerBound) to "
                        + "\(limits.upperBound).")
            }
            into = value
        }
        try number(body.soakSeconds, "soak_seconds", Limits.soakLimits, &settings.soakSeconds)
        try number(body.waveSoakSeconds, "wave_soak_seconds", Limits.soakLimits, &settings.waveSoakSeconds)
        try number(body.batchSize, "batch_size", Limits.batchLimits, &settings.batchSize)
        try number(body.concurrency, "concurrency", Limits.concurrencyLimits, &settings.concurrency)
        try number(body.healthSeconds, "health_seconds", Limits.healthLimits, &settings.healthSeconds)
        try number(body.drainSeconds, "drain_seconds", Replacement.drainLimits, &settings.drainSeconds)
        try number(body.maximumFailures, "max_failures", Limits.failureLimits, &settings.maximumFailures)
        try number(
            body.maximumFailurePercent, "max_failure_percent", Limits.percentLimits,
            &settings.maximumFailurePercent)
        try number(body.offlineSeconds, "offline_seconds", Limits.soakLimits, &settings.offlineSeconds)
        if let slugs = body.canarySlugs {
            settings.canarySlugs = try Self.slugs(slugs, "canary_slugs", atMost: Limits.maximumCanaries)
        }
        if let waves = body.waves { settings.waves = try Self.waves(waves) }
        if let text = body.rollback {
            guard let rollback = RolloutSettings.Rollback(rawValue: text) else {
                throw AppError.invalidField("rollback", "The field \"rollback\" is none, wave or all.")
            }
            settings.rollback = rollback
        }
    }

    private static func slugs(_ texts: [String], _ field: String, atMost maximum: Int) throws -> [String] {
        guard (1...maximum).contains(texts.count), Set(texts).count == texts.count else {
            throw AppError.invalidField(
                field, "The field \"\(field)\" names 1 to \(maximum) organisations, each once.")
        }
        return try texts.map { try Slug($0).text }
    }

    private static func waves(_ percents: [Int]) throws -> [Int] {
        let isGrowing = zip(percents, percents.dropFirst()).allSatisfy { $0 < $1 }
        guard (1...RolloutSettings.maximumWaves).contains(percents.count), isGrowing, percents[0] > 0,
            percents.last == 100
        else {
            throw AppError.invalidField(
                "waves",
                "The field \"waves\" lists where each wave ends in percent, growing, the last 100: "
                    + "[10,50,100].")
        }
        return percents
    }
}
