import TenantProtocol
import Testing

@testable import Fleet
@testable import Providers
@testable import Service

@Suite struct JudgementTests {
    private typealias Traffic = HealthObservation.Traffic

    private func observation(
        digest: String? = "new", healthy: Bool = true, restarts: Int = 0, before: Traffic? = nil,
        since: Traffic? = nil
    ) -> HealthObservation {
        HealthObservation(
            digest: digest, healthy: healthy, restarts: restarts, upSeconds: 60, before: before, since: since)
    }

    private func traffic(_ requests: Int, errors: Int = 0, p95: Int? = 50) -> Traffic {
        Traffic(seconds: 600, requests: requests, errors: errors, p95Milliseconds: p95)
    }

    private func verdict(
        _ observation: HealthObservation, edge: Bool = true, soak: Int = 60
    ) -> (RolloutTenant.Verdict, String?) {
        let judgement = Judgement(
            observation, digest: "new", isHealthyThroughEdge: edge, soakSeconds: soak)
        #expect((judgement.verdict == .healthy) == (judgement.reason == nil))
        return (judgement.verdict, judgement.code)
    }

    @Test func whatIsPlainlyWrongNeedsNoTraffic() {
        #expect(verdict(observation(digest: "old")) == (.unhealthy, "other_image"))
        #expect(verdict(observation(digest: nil)) == (.unhealthy, "other_image"))
        #expect(verdict(observation(healthy: false)) == (.unhealthy, "unhealthy"))
        #expect(verdict(observation(restarts: 1)) == (.unhealthy, "restarts"))
        #expect(verdict(observation(), edge: false) == (.unhealthy, "unhealthy_through_edge"))
        #expect(verdict(observation(restarts: 1), soak: 0) == (.unhealthy, "restarts"))
    }

    @Test func errorsAreComparedWithTheHourBefore() {
        let fine = observation(before: traffic(1_000, errors: 100), since: traffic(200, errors: 20))
        #expect(verdict(fine) == (.healthy, nil))
        let worse = observation(before: traffic(1_000, errors: 10), since: traffic(200, errors: 10))
        #expect(verdict(worse) == (.unhealthy, "errors"))
        // Two errors of few requests are chance.
        let chance = observation(before: traffic(1_000), since: traffic(30, errors: 2))
        #expect(verdict(chance) == (.healthy, nil))
        // Of a tenant without an hour before, every share above the margin counts.
        #expect(verdict(observation(since: traffic(100, errors: 3))) == (.unhealthy, "errors"))
        #expect(verdict(worse, soak: 0) == (.healthy, nil))
    }

    @Test func slownessMustBeLargeInShareAndInMilliseconds() {
        func since(_ p95: Int, before: Int) -> (RolloutTenant.Verdict, String?) {
            verdict(observation(before: traffic(100, p95: before), since: traffic(100, p95: p95)))
        }
        #expect(since(60, before: 10) == (.healthy, nil))
        #expect(since(900, before: 500) == (.healthy, nil))
        #expect(since(1_100, before: 500) == (.unhealthy, "slow"))
        // Too few requests before to compare with.
        let quiet = observation(before: traffic(5, p95: 1), since: traffic(100, p95: 5_000))
        #expect(verdict(quiet) == (.healthy, nil))
    }

    @Test func tooLittleTrafficIsNoVerdictUnlessThereNeverWasAny() {
        let few = observation(before: traffic(1_000), since: traffic(19))
        #expect(verdict(few) == (.inconclusive, "too_little_traffic"))
        #expect(verdict(observation(before: traffic(1_000))) == (.inconclusive, "too_little_traffic"))
        #expect(verdict(observation(before: traffic(19), since: traffic(1))) == (.healthy, nil))
        #expect(verdict(observation()) == (.healthy, nil))
        #expect(Judgement.unobserved.verdict == .inconclusive)
    }
}
