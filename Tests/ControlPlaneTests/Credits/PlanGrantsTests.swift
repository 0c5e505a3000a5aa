import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service

@Suite struct PlanGrantsTests {
    private static let month = Month(year: 2026, number: 11)
    private static let long = Date(timeIntervalSince1970: 0)

    private static func opened(_ credits: Int, createdAt: Date = long) -> PlanGrants {
        PlanGrants.opening(month, plan: "a", planCredits: credits, createdAt: createdAt).grants
    }

    @Test func aWholeMonthIsThePlansCredits() {
        let (grants, grant) = PlanGrants.opening(
            Self.month, plan: "starter", planCredits: 5_000_000, createdAt: Self.long)
        #expect(grants.credits == 5_000_000)
        #expect(grant.kind == .monthly && grant.key == "monthly" && grant.credits == 5_000_000)
    }

    @Test func halfAMonthOfEachIsHalfOfEach() {
        var grants = Self.opened(5_000_000)
        let middle = Self.month.start + 15 * 86_400
        let grant = grants.change(to: "pro", planCredits: 25_000_000, at: middle)
        #expect(grant?.credits == 10_000_000 && grant?.kind == .proration && grants.credits == 15_000_000)
        let back = grants.change(to: "starter", planCredits: 5_000_000, at: middle + 86_400)
        #expect(back?.credits == -9_333_334, "what is taken back is rounded against nobody but the sum")
        #expect(grants.credits == 5_666_666)
    }

    @Test func whoComesWithinAMonthGetsItsRest() {
        let grants = Self.opened(3_000, createdAt: Self.month.start + 29 * 86_400)
        #expect(grants.credits == 100)
        #expect(Self.opened(3_000, createdAt: Self.month.end + 1).credits == 0)
    }

    @Test func theSameAgainChangesNothing() {
        var grants = Self.opened(100)
        #expect(grants.change(to: "b", planCredits: 200, at: Self.month.start + 10) != nil)
        let before = grants
        #expect(grants.change(to: "b", planCredits: 200, at: Self.month.start + 20) == nil)
        #expect(grants == before)
    }

    @Test func aChangeIsNeverBeforeTheLastNorOutsideOfTheMonth() {
        var grants = Self.opened(0)
        _ = grants.change(to: "b", planCredits: 100, at: Self.month.end - 1_000)
        let early = grants.change(to: "c", planCredits: 0, at: Self.month.start)
        #expect(early?.effectiveAt == Self.month.end - 1_000 && grants.credits == 0)
        let late = grants.change(to: "d", planCredits: 1_000_000, at: Self.month.end + 5)
        #expect(late?.credits == 0 && late?.effectiveAt == Self.month.end)
    }

    /// Against counting the hours of the month one by one.
    @Test func everySequenceOfPlansComesToItsHours() {
        var generator = SplitMix(state: 6)
        for _ in 0..<4_000 {
            let month = Month(
                year: Int.random(in: 2024...2040, using: &generator),
                number: Int.random(in: 1...12, using: &generator))
            let hours = month.seconds / 3_600
            var plans = [Int.random(in: 0...30_000_000, using: &generator)]
            let created = Int.random(in: -hours...hours, using: &generator)
            var (grants, first) = PlanGrants.opening(
                month, plan: "0", planCredits: plans[0], createdAt: month.start + Double(created * 3_600))
            var rows = [first]
            var byHour = (0..<hours).map { $0 >= created ? plans[0] : 0 }
            var hour = max(0, created)
            for change in 1...Int.random(in: 1...12, using: &generator) where hour < hours {
                hour = Int.random(in: hour...hours, using: &generator)
                plans.append(Int.random(in: 0...30_000_000, using: &generator))
                for index in hour..<hours { byHour[index] = plans[change] }
                let grant = grants.change(
                    to: "\(change)", planCredits: plans[change], at: month.start + Double(hour * 3_600))
                if let grant { rows.append(grant) }
                #expect(grants.credits >= 0 && grants.credits <= plans.max()!)
            }
            #expect(grants.credits == byHour.reduce(0, +) / hours)
            #expect(rows.map(\.credits).reduce(0, +) == grants.credits)
            #expect(Set(rows.map(\.key)).count == rows.count)
            // What the rows say is enough to go on from, in whatever order they are read.
            #expect(
                rows.shuffled(using: &generator).map(\.creditSeconds).reduce(0, +) / month.seconds
                    == grants.credits)
        }
    }
}
