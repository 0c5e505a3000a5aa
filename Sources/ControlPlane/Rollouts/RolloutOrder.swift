import FoundationEssentials

/// The body of `POST /cp/admin/rollouts`.
struct RolloutBody: RequestFields {
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

    enum CodingKeys: String, CodingKey, CaseIterable {
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
struct RolloutOrder: Sendable {
    var images: ImageOrder
    /// Whose tenants; nil: all.
    var channel: String?
    /// Only these; nil: all.
    var slugs: [String]?
    var settings: RolloutSettings
    /// Also to an image that was rolled back from.
    var isForced: Bool
    var isDryRun: Bool

    static let maximumSlugs = 10_000

    /// - Parameter healthSeconds: where the body does not say.
    init(_ body: RolloutBody, healthSeconds: Int) throws {
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
