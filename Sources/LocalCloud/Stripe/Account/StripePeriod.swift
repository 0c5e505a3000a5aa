import Arithmetic

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// From and until when something is paid for, in seconds since 1970; the end is not in it.
struct StripePeriod: Sendable, Equatable {
    var start: Int
    var end: Int

    var description: JSONValue { ["start": .integer(start), "end": .integer(end)] }
}

extension StripeInterval {
    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .gmt
        return calendar
    }()

    /// The period that begins at a time: until the next multiple of the interval after the anchor. A day
    /// that a month lacks is its last one, and the months after it have the anchor's day again.
    func period(from start: Int, anchor: Int) -> StripePeriod {
        var passed = 1
        while true {
            let end = date(anchor, plus: passed)
            if end > start { return StripePeriod(start: start, end: end) }
            passed += 1
        }
    }

    private func date(_ anchor: Int, plus intervals: Int) -> Int {
        let component: Calendar.Component =
            switch unit {
            case .day: .day
            case .week: .weekOfYear
            case .month: .month
            case .year: .year
            }
        let from = Date(timeIntervalSince1970: TimeInterval(anchor))
        let until = Self.calendar.date(byAdding: component, value: count * intervals, to: from)
        return until.map { $0.wholeSeconds } ?? anchor + 86_400 * intervals
    }
}

/// What is paid or given back for a part of a period.
enum Proration {
    /// The part of an amount that falls on what is left of the period, to the second, rounded half away
    /// from zero. Source: Stripe, "Prorations".
    static func amount(_ amount: Int, of period: StripePeriod, from time: Int) -> Int {
        let whole = Int128(max(1, period.end - period.start))
        let left = Int128(min(max(0, period.end - time), period.end - period.start))
        let doubled = 2 * Int128(amount) * left
        let sign: Int128 = doubled < 0 ? -1 : 1
        return Int(sign * ((sign * doubled + whole) / (2 * whole)))
    }
}
