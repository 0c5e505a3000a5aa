import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

@Suite struct MaintenanceWindowTests {
    /// A Thursday.
    private static let epoch = Date(timeIntervalSince1970: 0)

    private static func at(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Date {
        epoch.addingTimeInterval(Double(day * 86_400 + hour * 3_600 + minute * 60))
    }

    @Test func aNightlyWindowOpensAndCloses() throws {
        let window = try #require(MaintenanceWindow("02:00-05:30"))
        #expect(!window.isOpen(at: Self.at(0, 1, 59)) && window.isOpen(at: Self.at(0, 2)))
        #expect(window.isOpen(at: Self.at(0, 5, 29)) && !window.isOpen(at: Self.at(0, 5, 30)))
        #expect(window.nextOpening(after: Self.at(0, 1)) == Self.at(0, 2))
        #expect(window.nextOpening(after: Self.at(0, 2)) == Self.at(1, 2))
        #expect(window.beginning(from: Self.at(0, 3)) == Self.at(0, 3))
        #expect(window.beginning(from: Self.at(0, 6)) == Self.at(1, 2))
    }

    @Test func aWindowMayEndOnTheNextDayAndOpenOnSomeDaysOnly() throws {
        let window = try #require(MaintenanceWindow("sat,Sun 22:00-04:00"))
        // The third day of 1970 was a Saturday.
        #expect(!window.isOpen(at: Self.at(1, 23)) && window.isOpen(at: Self.at(2, 22)))
        #expect(window.isOpen(at: Self.at(3, 3, 59)) && window.isOpen(at: Self.at(4, 3, 59)))
        #expect(!window.isOpen(at: Self.at(4, 4)) && !window.isOpen(at: Self.at(4, 22)))
        #expect(window.nextOpening(after: Self.at(3, 22)) == Self.at(9, 22))
    }

    /// Against a plain count of minutes.
    @Test(arguments: ["always", "00:00-00:00", "23:30-00:10", "wed 12:00-11:00", "mon,fri 07:15-07:16"])
    func anOpeningIsWhereItWasClosedBefore(_ text: String) throws {
        let window = try #require(MaintenanceWindow(text))
        let minutes = 0..<(16 * 1_440)
        let open = minutes.map { window.isOpen(at: Self.at(0, 0, $0)) }
        #expect(open.filter(\.self).count > 0)
        for minute in minutes.dropLast(8 * 1_440) where !open[minute] {
            let next = window.nextOpening(after: Self.at(0, 0, minute))
            let expected = minutes.first { $0 > minute && open[$0] }
            #expect(expected.map { Self.at(0, 0, $0) } == next, "\(text) at minute \(minute)")
        }
        if window.length == 1_440, window.days.count == 7 { #expect(!open.contains(false)) }
    }

    @Test(arguments: [
        "", "never", "2:00-05:00", "02:00", "02:00-24:00", "02:60-03:00", "tod 02:00-03:00",
        "mon, 02:00-03:00",
        "mon tue 02:00-03:00", "02:00-03:00 mon", "-02:00-03:00",
    ])
    func whatIsNoWindowIsRefused(_ text: String) {
        #expect(MaintenanceWindow(text) == nil)
    }
}
