import AdminProtocol
import FoundationEssentials
import Organisations

/// An organisation that a rollout may be for.
package struct RolloutCandidate: Sendable {
    package var orgID: UUID
    package var slug: String
    package var status: Org.Status
    var hasInstance: Bool
    package var isCanary: Bool
    /// Of the service's image that runs.
    package var digest: String?
    package var pinnedDigest: String?
    package var isOptedOut: Bool
    package var maintenanceUntil: Date?
}

/// Which tenants, in which waves, and who is passed by for what reason. Decided once, before anything is
/// touched.
package struct RolloutPlan: Sendable {
    package struct Skip: Sendable, Equatable {
        package enum Reason: String, Sendable, Encodable {
            case notRunning = "not_running"
            case optedOut = "opted_out"
            case pinned
            case maintenance
            case alreadyCurrent = "already_current"
        }

        package var orgID: UUID
        package var slug: String
        package var digest: String?
        package var reason: Reason

        package init(orgID: UUID, slug: String, digest: String? = nil, reason: Reason) {
            self.orgID = orgID
            self.slug = slug
            self.digest = digest
            self.reason = reason
        }
    }

    /// The first is the canaries', and may be empty; no other is.
    package var waves: [[RolloutCandidate]]
    package var skipped: [Skip]

    /// - Parameter digest: nil for a refresh, which every tenant may need.
    package init(
        _ candidates: [RolloutCandidate], digest: String?, settings: RolloutSettings, now: Date = Date()
    ) throws {
        skipped = []
        var canaries: [RolloutCandidate] = []
        var others: [RolloutCandidate] = []
        let named = Set(settings.canarySlugs)
        for candidate in candidates {
            let isCanary = named.isEmpty ? candidate.isCanary : named.contains(candidate.slug)
            if let reason = Self.reason(candidate, digest, now) {
                skipped.append(
                    Skip(
                        orgID: candidate.orgID, slug: candidate.slug, digest: candidate.digest,
                        reason: reason))
            } else if isCanary {
                canaries.append(candidate)
            } else {
                others.append(candidate)
            }
        }
        waves = [canaries] + Self.split(others, settings.waves)
        try checkCanaries(candidates, named)
    }

    private static func reason(
        _ candidate: RolloutCandidate, _ digest: String?, _ now: Date
    ) -> Skip.Reason? {
        if candidate.status != .running || !candidate.hasInstance { return .notRunning }
        if candidate.isOptedOut { return .optedOut }
        if let pin = candidate.pinnedDigest, let digest, pin != digest { return .pinned }
        if let until = candidate.maintenanceUntil, until > now { return .maintenance }
        if let digest, candidate.digest == digest { return .alreadyCurrent }
        return nil
    }

    private static func split(_ tenants: [RolloutCandidate], _ percents: [Int]) -> [[RolloutCandidate]] {
        var waves: [[RolloutCandidate]] = []
        var taken = 0
        for percent in percents {
            let end = (tenants.count * percent + 99) / 100
            if end > taken { waves.append(Array(tenants[taken..<end])) }
            taken = max(taken, end)
        }
        return waves
    }

    /// Canaries that were asked for by name must be able to sing.
    private func checkCanaries(_ candidates: [RolloutCandidate], _ named: Set<String>) throws {
        let missing = named.subtracting(candidates.map(\.slug)).sorted()
        guard missing.isEmpty else { throw Self.unknown(missing) }
        let silent = skipped.filter { named.contains($0.slug) && $0.reason != .alreadyCurrent }
        guard let first = silent.first else { return }
        throw AppError(
            .conflict, "canary_unavailable",
            "The canary \(first.slug) cannot be redeployed (\(first.reason.rawValue)). Name another one.",
            members: ["slug": first.slug, "reason": first.reason.rawValue])
    }

    package static func unknown(_ slugs: [String]) -> AppError {
        AppError(
            .unprocessable, "org_not_found",
            "There is no organisation \(slugs.prefix(10).joined(separator: ", ")). Nothing was changed.")
    }

    package var tenantCount: Int { waves.reduce(0) { $0 + $1.count } }

    // MARK: How long it will take

    /// Of one redeploy, where none was measured yet.
    static let assumedSeconds = 60.0

    /// - Parameter pace: seconds that one redeploy takes.
    package func estimatedSeconds(_ settings: RolloutSettings, pace: Double) -> Int {
        let seconds = waves.enumerated().filter { !$1.isEmpty }.reduce(0.0) { sum, wave in
            sum + settings.seconds(wave: wave.offset, tenants: wave.element.count, pace: pace)
        }
        return Int(seconds.rounded(.up))
    }
}
