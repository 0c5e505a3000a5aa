import Foundation
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct RolloutPlanTests {
    private let digest = "sha256:" + String(repeating: "a", count: 64)
    private let other = "sha256:" + String(repeating: "b", count: 64)

    private func candidates(
        _ count: Int, canaries: Int = 0, _ change: (Int, inout RolloutCandidate) -> Void = { _, _ in }
    ) -> [RolloutCandidate] {
        (0..<count).map { number in
            var candidate = RolloutCandidate(
                orgID: UUID(), slug: "org-\(number)", status: .running, hasInstance: true,
                isCanary: number < canaries, digest: other, isOptedOut: false)
            change(number, &candidate)
            return candidate
        }
    }

    private func plan(
        _ candidates: [RolloutCandidate], digest: String?, _ settings: RolloutSettings = settings()
    ) throws -> RolloutPlan {
        try RolloutPlan(candidates, digest: digest, settings: settings)
    }

    private static func settings() -> RolloutSettings { RolloutSettings(healthSeconds: 60) }

    @Test func wavesGrowAndHoldEveryTenantOnce() throws {
        for count in [1, 2, 3, 7, 20, 99, 1_000] {
            let all = candidates(count, canaries: 1)
            let plan = try plan(all, digest: digest)
            #expect(plan.waves[0].map(\.slug) == ["org-0"])
            #expect(plan.waves.joined().map(\.slug).sorted() == all.map(\.slug).sorted())
            #expect(plan.waves.dropFirst().allSatisfy { !$0.isEmpty })
        }
        let sizes = try plan(candidates(101, canaries: 1), digest: digest).waves.map(\.count)
        #expect(sizes == [1, 10, 40, 50])
        // Nobody sings: the wave of the canaries is empty, and the others are as they were.
        #expect(try plan(candidates(20), digest: digest).waves.map(\.count) == [0, 2, 8, 10])
    }

    @Test func whoIsPassedByIsToldWhy() throws {
        let all = candidates(7) { number, candidate in
            switch number {
            case 0: candidate.status = .failed
            case 1: candidate.hasInstance = false
            case 2: candidate.isOptedOut = true
            case 3: candidate.pinnedDigest = other
            case 4: candidate.maintenanceUntil = Date().addingTimeInterval(60)
            case 5: candidate.digest = digest
            default: candidate.maintenanceUntil = Date().addingTimeInterval(-60)
            }
        }
        let found = try plan(all, digest: digest)
        #expect(
            found.skipped.map(\.reason) == [
                .notRunning, .notRunning, .optedOut, .pinned, .maintenance, .alreadyCurrent,
            ])
        #expect(found.waves.joined().map(\.slug) == ["org-6"])
        // A refresh is for those too that run the image, and pins hold none of it off.
        let refresh = try plan(all, digest: nil)
        #expect(refresh.skipped.map(\.reason) == [.notRunning, .notRunning, .optedOut, .maintenance])
    }

    @Test func canariesThatCannotSingAreRefused() throws {
        var settings = Self.settings()
        settings.canarySlugs = ["org-1"]
        let named = try plan(candidates(3, canaries: 1), digest: digest, settings)
        #expect(named.waves[0].map(\.slug) == ["org-1"])
        let stopped = candidates(3) { if $0 == 1 { $1.status = .failed } }
        let refusal = #expect(throws: AppError.self) { try plan(stopped, digest: digest, settings) }
        #expect(refusal?.code == "canary_unavailable" && refusal?.members["slug"] == "org-1")
        // One that runs the image already has sung.
        let current = candidates(3) { if $0 == 1 { $1.digest = digest } }
        #expect(try plan(current, digest: digest, settings).waves.map(\.count) == [0, 1, 1])
        settings.canarySlugs = ["nobody"]
        let unknown = #expect(throws: AppError.self) { try plan(candidates(3), digest: digest, settings) }
        #expect(unknown?.code == "org_not_found")
    }

    @Test func theEstimateCountsTurnsAndSoaks() throws {
        var settings = Self.settings()
        (settings.batchSize, settings.concurrency, settings.waves) = (10, 2, [100])
        (settings.soakSeconds, settings.waveSoakSeconds) = (100, 7)
        // One canary: one turn and its soak; 40 others: four batches in two turns, and their soak.
        let plan = try plan(candidates(41, canaries: 1), digest: digest, settings)
        #expect(plan.estimatedSeconds(settings, pace: 30) == 30 + 100 + 60 + 7)
    }

    @Test func toleranceIsTheLargerOfCountAndShareAndNothingAmongCanaries() {
        var settings = Self.settings()
        (settings.maximumFailures, settings.maximumFailurePercent) = (2, 5)
        #expect(settings.toleratedFailures(wave: 0, attempted: 1_000) == 0)
        #expect(settings.toleratedFailures(wave: 1, attempted: 10) == 2)
        #expect(settings.toleratedFailures(wave: 1, attempted: 1_000) == 50)
    }

    @Test(arguments: [
        #"{"waves":[]}"#, #"{"waves":[50]}"#, #"{"waves":[50,50,100]}"#, #"{"waves":[0,100]}"#,
        #"{"waves":[50,101]}"#, #"{"batch_size":0}"#, #"{"batch_size":51}"#, #"{"concurrency":51}"#,
        #"{"soak_seconds":86401}"#, #"{"health_seconds":4}"#, #"{"drain_seconds":-1}"#,
        #"{"max_failure_percent":101}"#, #"{"max_failures":10001}"#, #"{"rollback":"maybe"}"#,
        #"{"canary_slugs":[]}"#, #"{"canary_slugs":["a b"]}"#, #"{"slugs":["acme","acme"]}"#,
        #"{"channel":"A"}"#, #"{"target_tag":"v1","refresh":true}"#, #"{"batch":1}"#,
    ])
    func ordersOutsideOfTheirLimitsAreRefused(_ body: String) throws {
        let refusal = #expect(throws: AppError.self) {
            let body = try RequestBody.decode(RolloutBody.self, from: Data(body.utf8))
            _ = try RolloutOrder(body, healthSeconds: 60)
        }
        #expect(refusal?.kind == .invalid)
    }
}
