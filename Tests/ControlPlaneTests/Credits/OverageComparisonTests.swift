import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

@Suite struct OverageComparisonTests {
    private static let month = Month(year: 2026, number: 11)

    private static func report(_ credits: Int, _ state: OverageReport.State) -> OverageReport {
        OverageReport(
            id: UUID(), org: UUID(), month: month, customer: "cus_1", credits: credits,
            eventAt: month.start, state: state, attempts: 1, unknownSince: nil)
    }

    @Test func aSumSaysWhatBecameOfWhatIsNotKnown() {
        func conclusion(_ counted: Int, _ states: [OverageReport.State]) -> OverageComparison.Conclusion {
            let reports = zip([100, 20, 3], states).map(Self.report)
            return OverageComparison(reports, counted: counted).conclusion
        }
        #expect(conclusion(123, [.confirmed, .sent, .reconciled]) == .complete)
        #expect(conclusion(123, [.confirmed, .sent, .unknown]) == .complete)
        #expect(conclusion(120, [.confirmed, .sent, .unknown]) == .withoutUnknown)
        #expect(conclusion(120, [.confirmed, .sent, .pending]) == .complete)
        #expect(conclusion(103, [.confirmed, .sent, .unknown]) == .differs, "not counted yet")
        #expect(conclusion(124, [.confirmed, .sent, .sent]) == .differs)
        #expect(conclusion(0, []) == .complete)
    }

    @Test func anEventIsOfItsMonthAndNotTooOld() throws {
        let month = Self.month
        let within = month.start + 1_000_000
        #expect(OverageReporter.eventTime(month, now: within) == within)
        #expect(OverageReporter.eventTime(month, now: month.end + 5) == month.end - 1)
        #expect(OverageReporter.eventTime(month, now: month.end + 33 * 86_400) == month.end - 1)
        #expect(OverageReporter.eventTime(month, now: month.end + 34 * 86_400) == nil)
    }

    @Test func remediesAreForWhatIsBeyondDoubt() {
        let long = Date() - 2 * 86_400
        func remedy(
            _ overage: Int, _ reports: [OverageReport], _ counted: Int?, sent: Date = long
        ) -> OverageReconciliation.Remedy {
            let position = CreditPosition(usedMillicredits: overage * 1_000, cap: 1_000)
            let books = OverageBooks(
                org: UUID(), slug: "acme",
                account: CreditAccount(
                    org: UUID(), month: Self.month, plan: "pro", planCredits: 0, ownCap: nil,
                    position: position), reports: reports, counted: counted)
            let times = Dictionary(uniqueKeysWithValues: reports.map { ($0.id, sent) })
            return OverageReconciliation.remedy(books, sentBefore: times, now: Date())
        }
        let (one, two) = (Self.report(100, .sent), Self.report(20, .sent))
        let confirmed = Self.report(100, .confirmed)
        #expect(remedy(120, [one, two], 120) == .none)
        #expect(remedy(130, [one, two], 120) == .report)
        #expect(remedy(120, [one, two], 100) == .sendAgain([two.id]))
        #expect(remedy(120, [one, two], 0) == .sendAgain([one.id, two.id]))
        #expect(remedy(120, [one, two], 100, sent: Date()).word == "wait")
        #expect(remedy(120, [one, Self.report(20, .unknown)], 100).word == "wait")
        #expect(remedy(120, [confirmed, two], 20).word == "by_hand", "what was confirmed is not sent again")
        #expect(remedy(120, [one, two], 130).word == "by_hand", "more than was ever reported")
        #expect(remedy(120, [one, two], 77).word == "by_hand" && remedy(120, [one], nil).word == "by_hand")
    }
}
