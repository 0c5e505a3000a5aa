import Testing

@testable import FleetSimulator
@testable import Organisations
@testable import Service

@Suite struct SlidingCountTests {
    private func isIn(_ count: inout SlidingCount, at now: Double, limit: Int) -> Bool {
        count.admit(at: now, limit: limit) == nil
    }

    @Test func theLimitIsHeldAndTheWaitIsWhatItTakes() throws {
        var count = SlidingCount(at: 600)
        for _ in 0..<10 {
            let admitted1 = isIn(&count, at: 610, limit: 10)
            #expect(admitted1)
        }
        let refused = count.admit(at: 610, limit: 10)
        let wait = try #require(refused)
        let admitted2 = isIn(&count, at: 610 + wait - 0.5, limit: 10)
        #expect(!admitted2)
        let admitted3 = isIn(&count, at: 610 + wait + 0.01, limit: 10)
        #expect(admitted3)
    }

    /// In any minute, wherever it begins, at most twice the limit; over many minutes, the limit.
    @Test(arguments: 1...20)
    func noMinuteHoldsMuchMoreThanTheLimit(seed: Int) {
        var generator = SplitMix(state: UInt64(seed))
        let limit = Int.random(in: 1...50, using: &generator)
        var count = SlidingCount(at: 0)
        var time = 0.0
        var admitted: [Double] = []
        for _ in 0..<4_000 {
            time += Double.random(in: 0...2, using: &generator) * 60 / Double(limit) / 3
            if count.admit(at: time, limit: limit) == nil { admitted.append(time) }
        }
        for (index, start) in admitted.enumerated() {
            let inMinute = admitted[index...].prefix { $0 < start + 60 }.count
            #expect(inMinute <= 2 * limit)
        }
        #expect(Double(admitted.count) <= Double(limit) * (time / 60 + 1))
        #expect(Double(admitted.count) >= Double(limit) * (time / 60 - 1) * 0.6)
    }

    @Test func littleUseIsNotToldAndMuchIs() {
        var count = SlidingCount(at: 60)
        for _ in 0..<9 { _ = count.admit(at: 60, limit: 100) }
        #expect(count.news(at: 60) == 0)
        _ = count.admit(at: 60, limit: 100)
        #expect(count.news(at: 60) == 10)
        count.told(10, total: 95, minute: 1)
        #expect(count.news(at: 60) == 0)
        for _ in 0..<5 {
            let admitted4 = isIn(&count, at: 61, limit: 100)
            #expect(admitted4)
        }
        let admitted5 = isIn(&count, at: 61, limit: 100)
        #expect(!admitted5)
        #expect(count.news(at: 130) == 0, "of a minute that is over nobody is told")
    }
}
