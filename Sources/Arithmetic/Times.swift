#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Duration {
    /// A hundred years. `Duration` itself holds more, and then ends the process where it is multiplied, asked
    /// for its parts or slept for.
    package static let longest: Duration = .seconds(100 * 366 * 86_400)

    /// Seconds that somebody else named, between `-longest` and `longest`.
    package static func bounded(seconds: Int) -> Duration {
        max(.zero - longest, min(longest, .seconds(seconds)))
    }

    /// The same of a fraction; `seconds(_:)` ends the process for NaN and for what is out of range. NaN is
    /// zero.
    package static func bounded(seconds: Double) -> Duration {
        let most = longest / .seconds(1)
        return seconds.isNaN ? .zero : .seconds(max(-most, min(most, seconds)))
    }
}

extension Date {
    /// From the first instant of year 1 to the last second of year 9999: what a timestamp of PostgreSQL,
    /// RFC 3339 and the house's own texts all hold.
    package static let storable =
        Date(timeIntervalSince1970: -62_135_596_800)...Date(timeIntervalSince1970: 253_402_300_799)

    /// The nearest time that can be stored; a date that is none (NaN) is 1970-01-01.
    package var clamped: Date {
        let seconds = timeIntervalSince1970
        guard !seconds.isNaN else { return Date(timeIntervalSince1970: 0) }
        return max(Self.storable.lowerBound, min(Self.storable.upperBound, self))
    }

    /// A time that somebody else named, in seconds since 1970, moved to the nearest that can be stored.
    package init(unixSeconds: Int) {
        self = Date(timeIntervalSince1970: Double(unixSeconds)).clamped
    }

    /// Since 1970, the fraction left away.
    package var wholeSeconds: Int { Int(saturating: timeIntervalSince1970.rounded(.down)) }

    /// Since 1970, to the nearest.
    package var microseconds: Int { Int(saturating: (timeIntervalSince1970 * 1_000_000).rounded()) }
}
