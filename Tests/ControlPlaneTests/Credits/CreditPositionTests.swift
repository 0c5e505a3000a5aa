import Foundation
import Testing

@testable import Billing
@testable import Service

@Suite struct CreditPositionTests {
    @Test func useIsRoundedDownOnceForTheMonth() {
        #expect(CreditPosition(granted: 10, usedMillicredits: 3_999).used == 3)
        #expect(CreditPosition(granted: 10, usedMillicredits: 3_999).balance == 7)
    }

    @Test func statesFollowTheBalanceAndTheCap() {
        func state(_ granted: Int, _ used: Int, _ cap: Int, settled: Int = 0) -> CreditState? {
            CreditPosition(granted: granted, usedMillicredits: used * 1_000, settled: settled, cap: cap).state
        }
        #expect(state(0, 500, 0) == nil, "a plan without credits leaves the models to the tenant's keys")
        #expect(state(100, 79, 0) == .ok && state(100, 80, 0) == .alert && state(100, 99, 0) == .alert)
        #expect(state(100, 100, 0) == .exhausted && state(100, 100, 10) == .overage)
        #expect(state(100, 109, 10) == .overage && state(100, 110, 10) == .exhausted)
        #expect(state(0, 0, 10) == .overage, "all is charged from the first")
        #expect(state(100, 100, 0, settled: 40) == .ok, "what is charged counts as given")
        #expect(state(100, 120, 0, settled: 40) == .alert)
    }

    @Test func alertsAreOfTheGrantAndOfTheCap() {
        func reached(_ used: Int, cap: Int = 10) -> [CreditAlert.Kind] {
            let position = CreditPosition(granted: 100, usedMillicredits: used * 1_000, cap: cap)
            return CreditAlert.Kind.allCases.filter(position.reached)
        }
        #expect(reached(79) == [] && reached(80) == [.grant80] && reached(100) == [.grant80, .grant100])
        #expect(reached(107) == [.grant80, .grant100])
        #expect(reached(108) == [.grant80, .grant100, .cap80])
        #expect(reached(200) == CreditAlert.Kind.allCases)
        #expect(reached(200, cap: 0) == [.grant80, .grant100], "no cap, no alert of it")
    }

    /// Credits as a purse that is drawn from one by one.
    private struct Purse {
        var left = 0
        var charged = 0
        var uncharged = 0
        var cap = 0

        mutating func use() {
            if left > 0 { left -= 1 } else if charged < cap { charged += 1 } else { uncharged += 1 }
        }

        mutating func give(_ credits: Int) {
            for _ in 0..<max(0, credits) {
                if uncharged > 0 { uncharged -= 1 } else { left += 1 }
            }
            for _ in 0..<max(0, -credits) { use() }
        }

        mutating func setCap(_ cap: Int) {
            self.cap = cap
            while uncharged > 0, charged < cap {
                uncharged -= 1
                charged += 1
            }
        }
    }

    @Test func anySequenceComesToWhatAPurseDoes() {
        var generator = SplitMix(state: 2_026)
        for _ in 0..<4_000 {
            var purse = Purse()
            var position = CreditPosition()
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                switch Int.random(in: 0..<8, using: &generator) {
                case 0:
                    position.settled = position.overage
                    let given = Int.random(in: -position.granted...60, using: &generator)
                    position.granted += given
                    purse.give(given)
                case 1:
                    position.settled = position.overage
                    position.cap = Int.random(in: 0...50, using: &generator)
                    purse.setCap(position.cap)
                case 2:
                    // A report is cut: nothing moves.
                    position.settled = position.overage
                default:
                    let credits = Int.random(in: 0...20, using: &generator)
                    position.usedMillicredits += credits * 1_000
                    for _ in 0..<credits { purse.use() }
                }
                #expect(position.balance == purse.left && position.overage == purse.charged)
                #expect(position.uncharged == purse.uncharged)
                #expect(position.remaining == purse.left + max(0, purse.cap - purse.charged))
                #expect(
                    position.granted + position.overage + position.uncharged - position.balance
                        == position.used, "every credit is somewhere, once")
            }
        }
    }

    @Test func theOrderOfUseDoesNotMatter() {
        var generator = SplitMix(state: 7)
        for _ in 0..<1_000 {
            let events = (0..<50).map { _ in Int.random(in: 0...5_000, using: &generator) }
            let cap = Int.random(in: 0...200, using: &generator)
            func after(_ events: [Int]) -> CreditPosition {
                events.reduce(into: CreditPosition(granted: 50, cap: cap)) { position, event in
                    position.usedMillicredits += event
                    if event.isMultiple(of: 3) { position.settled = position.overage }
                }
            }
            let (one, other) = (after(events), after(events.shuffled(using: &generator)))
            #expect(one.overage == other.overage && one.balance == other.balance)
        }
    }
}
