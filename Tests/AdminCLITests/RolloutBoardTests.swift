import Foundation
import Testing

@testable import AdminCLI

@Suite struct RolloutBoardTests {
    private typealias Wave = RolloutFixture.Wave

    private func board(_ json: String, at time: String = "08:20:30", trouble: String? = nil) throws
        -> RolloutBoard
    {
        RolloutBoard(
            rollout: try RolloutFixture.rollout(json), now: try RolloutFixture.date(time), trouble: trouble)
    }

    @Test func aBarIsAsLongAsItShouldBeAndHidesNobody() {
        func text(_ counts: [Int], _ width: Int) -> String {
            let marks: [Character] = ["█", "✗", "·"]
            return Bar(parts: zip(marks, counts).map { .init(mark: $0, count: $1) }).text(width: width)
        }
        #expect(text([5, 0, 5], 10) == "█████·····")
        #expect(text([1, 0, 2], 10) == "███·······")
        #expect(text([9_998, 1, 1], 10) == "████████✗·")
        #expect(text([1, 1, 9_998], 10) == "█✗········")
        #expect(text([0, 0, 0], 4) == "    ")
        #expect(text([1, 1, 1], 2) == "  ")
        for first in 0...12 {
            for second in 0...12 where first + second > 0 {
                let bar = text([first, second, 12], 17)
                #expect(
                    bar.count == 17 && bar.contains("█") == (first > 0) && bar.contains("✗") == (second > 0))
            }
        }
    }

    @Test func showsWavesCountsSoakAndWhatIsLeft() throws {
        let json = RolloutFixture.json(
            stage: "soaking",
            waves: [
                Wave(number: 0, outcomes: ["updated": 1]),
                Wave(number: 1, outcomes: ["pending": 1, "updating": 1]),
            ], skipped: 3,
            more: ["soak_until": "2026-01-01T08:20:42.000Z", "estimated_seconds": 45, "channel": "stable"])
        var board = try board(json)
        board.perMinute = 3.14
        #expect(
            board.lines(columns: 80, rows: 24) == [
                "Rollout 3f2a91c0: v2 (sha256:0123456789ab) to 3 tenants, channel stable",
                "running: canary soaks, 12 s left",
                "",
                "> canary  ██████████  1/1  1 updated",
                "  wave 1  ▒▒▒▒▒·····  0/2  1 updating, 1 pending",
                "  3.1 tenants/min, about 37 s left, running for 29 s, 3 tenants skipped",
            ])
    }

    @Test func theCountdownEndsAtZeroAndNeverExceedsTheSoak() throws {
        let rollout = try RolloutFixture.rollout(
            RolloutFixture.json(
                stage: "soaking", waves: [Wave(number: 0, outcomes: ["updated": 1])],
                more: ["soak_until": "2026-01-01T08:20:42.000Z", "estimated_seconds": 30]))
        #expect(rollout.soakLeft(at: try RolloutFixture.date("08:20:41")) == 1)
        #expect(rollout.secondsLeft(at: try RolloutFixture.date("08:20:41")) == 11)
        #expect(rollout.soakLeft(at: try RolloutFixture.date("08:30:00")) == 0)
        // A clock that is behind the control plane's.
        #expect(rollout.soakLeft(at: try RolloutFixture.date("08:00:00")) == 20)
        #expect(rollout.secondsLeft(at: try RolloutFixture.date("08:00:00")) == 30)
    }

    @Test func anEndSaysHowLongItTookAndWhy() throws {
        let json = RolloutFixture.json(
            state: "failed", waves: [Wave(number: 0, outcomes: ["failed": 1, "updated": 1], unhealthy: 1)],
            more: ["reason_code": "too_many_failures", "reason": "1 of 1 failed."])
        let lines = try board(json, at: "09:00:00").lines(columns: 80, rows: 24)
        #expect(lines[1] == "failed after 1 min 10 s" && lines[2] == "1 of 1 failed.")
        #expect(lines.last == "  canary  ✗✗✗✗✗✗✗✗✗✗  2/2  1 updated, 1 failed (1 unhealthy)")
    }

    @Test func whatIsTooWideOrTooHighIsCut() throws {
        let waves = (0...20).map { Wave(number: $0, outcomes: [$0 < 10 ? "updated" : "pending": 1]) }
        var board = try board(
            RolloutFixture.json(wave: 10, waves: waves, more: ["estimated_seconds": 60]),
            trouble: "The connection broke.")
        board.news = (1...9).map { "\($0) " + String(repeating: "x", count: 200) }
        let lines = board.lines(columns: 60, rows: 20)
        #expect(lines.count == 19 && lines.allSatisfy { $0.count < 60 })
        #expect(lines.contains { $0.hasPrefix("> wave 10") })
        #expect(lines.contains("  7 waves before") && lines.contains("  8 waves after"))
        #expect(lines.contains { $0.hasPrefix("9 xxx") && $0.hasSuffix("…") })
        #expect(!lines.contains { $0.hasPrefix("4 xxx") })
        #expect(board.lines(columns: 200, rows: 50).count { $0.dropFirst(2).hasPrefix("wave ") } == 20)
        // At the first wave there is nothing before.
        let first = RolloutBoard(
            rollout: try RolloutFixture.rollout(RolloutFixture.json(waves: waves)), now: board.now)
        #expect(!first.lines(columns: 60, rows: 12).contains { $0.hasSuffix("before") })
        #expect(
            first.lines(columns: 60, rows: 12).last(where: { $0.hasSuffix("after") }) == "  15 waves after")
        #expect(board.lines(columns: 60, rows: 3).contains { $0.hasPrefix("> wave 10") })
    }

    /// What an instance reports ends up here: it must not move the cursor.
    @Test func aReasonStaysOneLine() throws {
        let json = RolloutFixture.json(
            waves: [Wave(number: 0, outcomes: ["pending": 1])], more: ["reason": "a\nb\u{1B}[2Jc\r"])
        #expect(try board(json).lines(columns: 80, rows: 24)[2] == "a b [2Jc ")
        let event = RolloutFixture.event(1, "failed", wave: 0, slug: "acme", detail: "x\ny")
        let data = try #require(event.split(separator: "\n").last?.dropFirst(6))
        let decoded = try JSONDecoder().decode(RolloutEvent.self, from: Data(data.utf8))
        let rollout = try RolloutFixture.rollout(json)
        #expect(decoded.line(rollout) == "08:20:11Z  canary  acme failed: x y")
    }

    @Test func thePaceIsThatOfTheLastMinutes() throws {
        func rollout(_ state: String, _ outcomes: [String: Int]) throws -> Rollout {
            try RolloutFixture.rollout(
                RolloutFixture.json(
                    state: state, stage: state == "rolling_back" ? state : "redeploying",
                    waves: [Wave(number: 0, outcomes: outcomes)]))
        }
        let start = try RolloutFixture.date("08:00:00")
        var progress = RolloutProgress()
        progress.see(try rollout("running", ["pending": 90]), at: start)
        #expect(progress.perMinute == nil)
        progress.see(try rollout("running", ["updated": 8, "failed": 2, "pending": 80]), at: start + 60)
        #expect(progress.perMinute == 10)
        progress.see(try rollout("running", ["updated": 30, "pending": 60]), at: start + 179)
        #expect(progress.perMinute.map { ($0 * 100).rounded() } == 1008)
        // Nothing moves: no pace.
        progress.see(try rollout("running", ["updated": 30, "pending": 60]), at: start + 400)
        #expect(progress.perMinute == nil)
        // It waits on purpose, and what comes after begins anew.
        progress.see(
            try RolloutFixture.rollout(
                RolloutFixture.json(stage: "soaking", waves: [Wave(number: 0, outcomes: ["updated": 40])])),
            at: start + 400)
        progress.see(try rollout("running", ["updated": 40, "pending": 50]), at: start + 400)
        progress.see(try rollout("running", ["updated": 45, "pending": 45]), at: start + 410)
        #expect(progress.perMinute == 30)
        // Back again: what went forward does not count.
        progress.see(try rollout("rolling_back", ["reverting": 30]), at: start + 411)
        progress.see(try rollout("rolling_back", ["rolled_back": 15, "reverting": 15]), at: start + 441)
        #expect(progress.perMinute == 30)
    }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (130, "2 min 10 s"), (3_600, "1 h"), (3_900, "1 h 5 min"),
        (97_200, "1 d 3 h"), (-5, "0 s"),
    ])
    func timesAreShort(_ seconds: Int, _ text: String) { #expect(span(seconds) == text) }
}
