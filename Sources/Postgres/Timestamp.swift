#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// PostgreSQL's timestamps as text in UTC, to the microsecond, without a date formatter (which brings ICU).
/// Days and dates convert by the proleptic Gregorian calendar, as PostgreSQL's do.
enum Timestamp {
    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// `2026-11-23 16:00:37.123456+00`, or nil outside the years 1 to 9999.
    static func text(of date: Date) -> String? {
        let seconds = date.timeIntervalSince1970
        guard seconds >= -62_135_596_800, seconds < 253_402_300_800 else { return nil }
        let total = Int64((seconds * 1_000_000).rounded())
        let days = Int((Double(total) / Double(microsecondsPerDay)).rounded(.down))
        let (year, month, day) = civil(fromDays: days)
        let time = total - Int64(days) * microsecondsPerDay
        let clock = [time / 3_600_000_000, time / 60_000_000 % 60, time / 1_000_000 % 60]
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) "
            + clock.map { padded(Int($0), 2) }.joined(separator: ":")
            + ".\(padded(Int(time % 1_000_000), 6))+00"
    }

    /// Reads `YYYY-MM-DD hh:mm:ss[.ffffff]+00[:00]`, and dates without a time as midnight in UTC.
    static func date(from text: UnsafeBufferPointer<UInt8>) -> Date? {
        var reader = DigitReader(text: text)
        guard let year = reader.number(), reader.skip("-"), let month = reader.number(), reader.skip("-"),
            let day = reader.number()
        else { return nil }
        let days = days(fromYear: year, month: month, day: day)
        guard !reader.isAtEnd else { return Date(timeIntervalSince1970: Double(days) * 86_400) }
        guard reader.skip(" "), let hour = reader.number(), reader.skip(":"),
            let minute = reader.number(), reader.skip(":"), let second = reader.number()
        else { return nil }
        let fraction = reader.skip(".") ? reader.fraction() : 0
        guard reader.skip("+"), reader.number() == 0 else { return nil }
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        return Date(timeIntervalSince1970: Double(seconds) + Double(fraction) / 1_000_000)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Days since 1970-01-01; the algorithm counts in eras of 400 years that begin on the first of March.
    private static func days(fromYear year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

private struct DigitReader {
    let text: UnsafeBufferPointer<UInt8>
    var position = 0

    var isAtEnd: Bool { position == text.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard !isAtEnd, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func number() -> Int? {
        let start = position
        var value = 0
        while !isAtEnd, let digit = digit(), position - start < 9 {
            value = value * 10 + digit
            position += 1
        }
        return position > start ? value : nil
    }

    /// Microseconds from up to six digits.
    mutating func fraction() -> Int {
        var value = 0
        var width = 0
        while !isAtEnd, let digit = digit() {
            if width < 6 { value = value * 10 + digit; width += 1 }
            position += 1
        }
        while width < 6 { value *= 10; width += 1 }
        return value
    }

    private func digit() -> Int? {
        let byte = text[position]
        return byte >= 48 && byte <= 57 ? Int(byte) - 48 : nil
    }
}
