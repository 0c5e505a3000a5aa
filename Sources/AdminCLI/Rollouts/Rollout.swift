import Arithmetic
import Foundation

/// A rollout as the control plane shows it.
struct Rollout: Decodable {
    static let collection = "/cp/admin/rollouts"

    enum Outcome: String, CaseIterable {
        case updated, failed
        case rolledBack = "rolled_back"
        case updating, reverting, pending, untouched, skipped
    }

    struct Wave: Decodable {
        var number: Int
        var name: String
        var total: Int
        var outcomes: [String: Int]
        var unhealthy: Int
        var inconclusive: Int

        func count(_ outcomes: [Outcome]) -> Int { self.outcomes.count(outcomes) }
    }

    struct Settings: Decodable {
        var soakSeconds: Int
        var waveSoakSeconds: Int

        enum CodingKeys: String, CodingKey {
            case soakSeconds = "soak_seconds"
            case waveSoakSeconds = "wave_soak_seconds"
        }

        /// - Parameter wave: 0 is the canaries'.
        func soak(wave: Int) -> Int { wave == 0 ? soakSeconds : waveSoakSeconds }
    }

    var id: String
    var state: String
    var stage: String
    /// Number of the one that is under way.
    var wave: Int
    var service: String
    var isRefresh: Bool
    var targetTag: String?
    var digest: String?
    var channel: String?
    var reasonCode: String?
    var reason: String?
    var soakUntil: Timestamp?
    var settings: Settings
    var outcomes: [String: Int]
    /// With those that are passed by.
    var total: Int
    var waves: [Wave]
    var paceSeconds: Double?
    var estimatedSeconds: Int?
    var createdAt: Timestamp
    var finishedAt: Timestamp?

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

    var path: String { "\(Self.collection)/\(escaped(id))" }
    var shortID: String { String(id.prefix(RolloutReference.shortest)) }
    var imageName: String { isRefresh ? "the configuration" : imageText(tag: targetTag, digest: digest) }
    var isFinal: Bool { finishedAt != nil }
    /// It waits for a verdict that only a person can give. One that an operator paused waits for him.
    var needsPerson: Bool { state == "paused" && reasonCode == "inconclusive" }

    func count(_ outcomes: [Outcome]) -> Int { self.outcomes.count(outcomes) }
    /// Without those that are passed by.
    var tenantCount: Int { total - count([.skipped]) }

    /// - Parameter number: also of a wave that has no tenant.
    func waveName(_ number: Int) -> String {
        waves.first { $0.number == number }?.name ?? (number == 0 ? "canary" : "wave \(number)")
    }
}

extension [String: Int] {
    fileprivate func count(_ outcomes: [Rollout.Outcome]) -> Int {
        outcomes.reduce(0) { $0 + (self[$1.rawValue] ?? 0) }
    }

    /// `3 updated, 1 failed, 6 pending`
    var outcomeText: String {
        let parts = Rollout.Outcome.allCases.compactMap { outcome in
            self[outcome.rawValue].map { "\($0) \(words(outcome.rawValue))" }
        }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }
}

// MARK: - Time

extension Rollout {
    /// How long its soak still takes, in seconds; nil when none is under way.
    func soakLeft(at now: Date) -> Int? {
        guard stage == "soaking", let end = soakUntil?.date else { return nil }
        let left = Int(saturating: end.timeIntervalSince(now).rounded(.up))
        return min(max(0, left), settings.soak(wave: wave))
    }

    /// Until its end, in seconds. The control plane counts the present wave's soak in whole; what of it has
    /// passed is taken off here.
    func secondsLeft(at now: Date) -> Int? {
        guard let estimatedSeconds else { return nil }
        let passed =
            switch stage {
            case "soaking": settings.soak(wave: wave) -| (soakLeft(at: now) ?? 0)
            case "judging": settings.soak(wave: wave)
            default: 0
            }
        return max(0, estimatedSeconds -| passed)
    }

    func duration(at now: Date) -> Int {
        Int(saturating: (finishedAt?.date ?? now).timeIntervalSince(createdAt.date))
    }
}
