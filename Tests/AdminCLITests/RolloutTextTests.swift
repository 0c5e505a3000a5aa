import Foundation
import Testing

@testable import AdminCLI

/// The plan of a dry run, the summary of a CI job, the end of a watch.
@Suite struct RolloutTextTests {
    private typealias Wave = RolloutFixture.Wave

    @Test func aPlanShowsWavesWhoIsPassedByAndTheEstimate() throws {
        let json = """
            {"dry_run":true,"service":"tenant","target_tag":"v2","digest":"\(RolloutFixture.digest)",
            "total":9,
            "settings":{"soak_seconds":60,"wave_soak_seconds":0,"batch_size":10,"concurrency":2},
            "waves":[{"number":0,"name":"canary","slugs":["acme"]},{"number":1,"name":"wave 1",
            "slugs":["a","b","c","d","e","f","g","h"]}],
            "skipped":[{"slug":"x","reason":"already_current"},{"slug":"p","reason":"pinned"},
            {"slug":"y","reason":"already_current"}],"pace_seconds":8.25,"estimated_seconds":77}
            """
        let plan = try JSONDecoder().decode(RolloutPlan.self, from: Data(json.utf8))
        #expect(
            plan.lines == [
                "v2 (sha256:0123456789ab) would go to 9 tenants in this order:", "",
                "WAVE    TENANTS  SOAK   WHO", "canary  1        1 min  acme",
                "wave 1  8        -      a, b, c, d, e and 3 more", "",
                "SKIPPED                  TENANTS  WHO", "runs it already          2        x, y",
                "pinned to another image  1        p", "",
                "About 1 min 17 s: 8.3 s a redeploy, which is the median of the last ones, 10 tenants in a "
                    + "batch, 2 batches at a time, soaks included.",
                "Nothing was changed. Without --dry-run the rollout starts.",
            ])
        let unmeasured = json.replacing(#""pace_seconds":8.25,"#, with: "")
        let assumed = try JSONDecoder().decode(RolloutPlan.self, from: Data(unmeasured.utf8))
        #expect(assumed.lines.contains { $0.contains("assumed pace, as no redeploy was measured yet") })
    }

    @Test func aPlanForNobodySaysWhy() throws {
        let json = """
            {"target_tag":"v2","total":0,"waves":[],"skipped":[{"slug":"x","reason":"opted_out"}],
            "settings":{"soak_seconds":60,"wave_soak_seconds":0,"batch_size":10,"concurrency":2},
            "estimated_seconds":0}
            """
        let lines = try JSONDecoder().decode(RolloutPlan.self, from: Data(json.utf8)).lines
        #expect(lines.first == "No tenant would get v2." && lines.contains("opted out  1        x"))
        #expect(lines.last == "Nothing was changed.")
    }

    @Test func aSummaryIsMarkdownThatNoErrorBreaks() throws {
        let rollout = try RolloutFixture.rollout(
            RolloutFixture.json(
                state: "incomplete",
                waves: [
                    Wave(number: 0, outcomes: ["updated": 1]),
                    Wave(number: 1, outcomes: ["updated": 2, "failed": 1], unhealthy: 1),
                    Wave(number: 2, outcomes: ["untouched": 1], name: "offline"),
                ], skipped: 2, more: ["reason": "2 tenants do not run the image as they should."]))
        let summary = RolloutSummary(
            rollout: rollout,
            failures: [
                try RolloutFixture.tenant("bad", "failed", wave: 1, code: "x", error: "a|b\n<c>\\"),
                try RolloutFixture.tenant("sick", "updated", wave: 1, verdict: "unhealthy", code: "slow"),
                try RolloutFixture.tenant("away", "untouched", wave: 2, code: "instance_offline"),
            ],
            skipped: [
                try RolloutFixture.tenant("x", "skipped", code: "already_current"),
                try RolloutFixture.tenant("y", "skipped", code: "already_current"),
            ], now: Date())
        #expect(
            summary.lines == [
                "## Rollout 3f2a91c0: incomplete", "", "|  |  |", "| --- | --- |", "| State | incomplete |",
                "| Reason | 2 tenants do not run the image as they should. |",
                "| Image | v2 `\(RolloutFixture.digest)` |", "| Service | tenant |",
                "| Started | 2026-01-01T08:20:00Z |", "| Duration | 1 min 10 s |",
                "| Tenants | 3 updated, 1 failed, 1 untouched, 2 skipped |",
                "| Rollout | `\(RolloutFixture.id)` |", "", "### Waves", "",
                "| wave | tenants | updated | failed | unhealthy | not judged | rolled back | in progress "
                    + "| not started |",
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
                "| canary | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |", "| wave 1 | 3 | 2 | 1 | 1 | 0 | 0 | 0 | 0 |",
                "| offline | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |", "", "### Failures", "",
                "| tenant | wave | outcome | why |", "| --- | --- | --- | --- |",
                "| bad | wave 1 | failed | a\\|b &lt;c>\\\\ |", "| sick | wave 1 | unhealthy | slow |",
                "| away | offline | untouched | instance offline |", "", "### Skipped", "",
                "| why | tenants |",
                "| --- | --- |", "| runs it already | 2 |",
            ])
    }

    @Test func aSummaryListsSoManyFailuresAndCountsTheRest() throws {
        let failures = try (1...205).map { try RolloutFixture.tenant("t\($0)", "failed", error: "no") }
        let summary = RolloutSummary(
            rollout: try RolloutFixture.rollout(
                RolloutFixture.json(state: "failed", waves: [Wave(number: 0, outcomes: ["failed": 205])])),
            failures: failures, skipped: [], now: Date())
        #expect(summary.lines.count { $0.hasSuffix("| failed | no |") } == RolloutSummary.shownFailures)
        #expect(summary.lines.last == "And 5 more.")
    }

    @Test func whoDeservesALookIsAFailure() throws {
        #expect(try RolloutFixture.tenant("a", "failed").isFailure)
        #expect(try RolloutFixture.tenant("a", "rolled_back", code: "unhealthy").isFailure)
        #expect(
            try RolloutFixture.tenant("a", "updated", verdict: "inconclusive", code: "too_little_traffic")
                .isFailure)
        // It went back for others' sake, or was never begun, or is not meant.
        #expect(try !RolloutFixture.tenant("a", "rolled_back").isFailure)
        #expect(try !RolloutFixture.tenant("a", "untouched").isFailure)
        #expect(try !RolloutFixture.tenant("a", "skipped", code: "pinned").isFailure)
    }

    @Test(arguments: [
        ("succeeded", 0, 1), ("rolled_back", 1, 0), ("failed", 1, 1), ("aborted", 1, 1), ("incomplete", 2, 2),
        ("paused", 2, 2),
    ])
    func theExitStatusSaysHowItEnded(_ state: String, _ image: Int32, _ rollback: Int32) throws {
        let rollout = try RolloutFixture.rollout(
            RolloutFixture.json(state: state, waves: [Wave(number: 0, outcomes: ["updated": 1])]))
        #expect(rollout.exitStatus(.image) == image && rollout.exitStatus(.rollback) == rollback)
    }

    @Test func anEndOffersWhatHelps() throws {
        func advice(_ state: String, _ more: [String: Any] = [:]) throws -> String {
            try RolloutFixture.rollout(
                RolloutFixture.json(
                    state: state, waves: [Wave(number: 0, outcomes: ["updated": 1])], more: more)
            ).advice.joined(separator: "\n")
        }
        let asked = try advice("paused", ["reason_code": "inconclusive"])
        for action in ["resume", "promote", "abort", "rollback"] {
            #expect(asked.contains("cpctl rollout \(action) 3f2a91c0"))
        }
        #expect(try !advice("paused", ["reason_code": "paused"]).contains("promote"))
        #expect(try advice("aborted").contains("rollback 3f2a91c0"))
        // A refresh has nothing to go back to.
        #expect(try !advice("failed", ["refresh": true]).contains("rollback"))
        #expect(try advice("failed", ["reason_code": "rollback_incomplete"]).contains("tenants redeploy"))
        #expect(try advice("succeeded").isEmpty)
    }

    @Test func anActionSaysWhatItDid() throws {
        let rollout = try RolloutFixture.rollout(
            RolloutFixture.json(
                wave: 1,
                waves: [
                    Wave(number: 0, outcomes: ["updated": 2]),
                    Wave(number: 1, outcomes: ["updating": 1, "pending": 4]),
                ]))
        #expect(rollout.deed("pause")[1] == "In progress: 1 tenant. Waiting: 4.")
        #expect(
            rollout.deed("abort")[1]
                == "In progress: 1 tenant. Not started: 4. Updated, and keeping the image: 2.")
        #expect(rollout.deed("rollback")[0].hasSuffix("Returning to their previous image: 3 tenants."))
        #expect(rollout.deed("promote")[0].contains("lets wave 1 pass"))
        #expect(rollout.deed("resume")[0].hasSuffix("continues in wave 1. Waiting: 4 tenants."))
    }
}
