import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Service
@testable import WireText

@Suite struct MonthTests {
    private static func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    @Test func aMonthIsACalendarMonthOfUTC() throws {
        let last = Month(containing: try Self.date("2026-11-30T23:59:59Z"))
        let first = Month(containing: try Self.date("2026-12-01T00:00:00Z"))
        #expect(last == Month(year: 2026, number: 11) && first == last.next)
        #expect(last.firstDay == "2026-11-01" && last.end == first.start && last.seconds == 30 * 86_400)
        #expect(first.next == Month(year: 2027, number: 1) && last < first)
        #expect(try last.start == Self.date("2026-11-01T00:00:00Z"))
        // As a clock in Vienna would not say.
        #expect(Month(containing: try Self.date("2026-12-01T00:30:00+01:00")) == last)
    }

    @Test func leapYearsAreKnown() {
        #expect(Month(year: 2028, number: 2).seconds == 29 * 86_400)
        #expect(Month(year: 2100, number: 2).seconds == 28 * 86_400)
    }

    @Test func itsTextIsReadAndNothingElseIs() {
        for number in 1...12 {
            let month = Month(year: 2026, number: number)
            #expect(Month(month.text) == month && Month(month.firstDay) == month)
        }
        for text in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "2026-1a", "1969-12", "x-y-z"] {
            #expect(Month(text) == nil, "\(text)")
        }
    }

    @Test func whatRemainsIsBoundedByTheMonth() throws {
        let month = Month(year: 2026, number: 11)
        #expect(month.remaining(after: try Self.date("2026-10-01T00:00:00Z")) == month.seconds)
        #expect(month.remaining(after: try Self.date("2026-11-30T23:59:58Z")) == 2)
        #expect(month.remaining(after: try Self.date("2027-11-30T23:59:58Z")) == 0)
    }
}
