import Arithmetic
import FoundationEssentials

/// A calendar month in UTC: the period that credits are granted, used and charged in. An event belongs to the
/// month of its `occurred_at`, whenever it arrives.
package struct Month: Sendable, Hashable, Comparable {
    package let year: Int
    /// 1 to 12.
    package let number: Int

    private static let calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    package init(year: Int, number: Int) {
        self.year = year
        self.number = number
    }

    package init(containing date: Date) {
        let parts = Self.calendar.dateComponents([.year, .month], from: date)
        self.init(year: parts.year ?? 1970, number: parts.month ?? 1)
    }

    /// As `2026-11`, or with a day behind it, which does not matter.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, parts[0].count == 4, parts[1].count == 2,
            let year = Int(parts[0]), let number = Int(parts[1]), (1970...9998).contains(year),
            (1...12).contains(number)
        else { return nil }
        self.init(year: year, number: number)
    }

    package var next: Month {
        number == 12 ? Month(year: year + 1, number: 1) : Month(year: year, number: number + 1)
    }

    package var previous: Month {
        number == 1 ? Month(year: year - 1, number: 12) : Month(year: year, number: number - 1)
    }

    package var start: Date {
        Self.calendar.date(from: DateComponents(year: year, month: number, day: 1)) ?? .distantPast
    }

    /// The first instant that belongs to the next.
    package var end: Date { next.start }

    /// Its length.
    package var seconds: Int { end.wholeSeconds - start.wholeSeconds }

    /// `2026-11`
    package var text: String { "\(year)-\(number < 10 ? "0" : "")\(number)" }
    /// `2026-11-01`, as a column of type date holds it.
    var firstDay: String { text + "-01" }

    /// The whole seconds from then to the end: all of them before it begins, none after it ends.
    package func remaining(after date: Date) -> Int {
        min(seconds, max(0, end.wholeSeconds -| date.wholeSeconds))
    }

    package static func < (one: Month, other: Month) -> Bool {
        (one.year, one.number) < (other.year, other.number)
    }
}
