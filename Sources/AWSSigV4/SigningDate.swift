/// An instant with a resolution of one second, and its two spellings in a signature.
package struct SigningDate: Sendable, Equatable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z, leap seconds not counted.
    package let unixSeconds: Int
    /// `20150830T123600Z`
    package let timestamp: String

    /// `20150830`
    package var day: Substring { timestamp.prefix(8) }

    /// Years 0 to 9999; anything else is clamped.
    package init(unixSeconds: Int) {
        let seconds = min(max(unixSeconds, -62_167_219_200), 253_402_300_799)
        let days = Int((Double(seconds) / 86_400).rounded(.down))
        let (year, month, day) = civil(fromDays: days)
        let rest = seconds - days * 86_400
        let digits = [
            year / 1_000 % 10, year / 100 % 10, year / 10 % 10, year % 10, month / 10, month % 10, day / 10,
            day % 10,
            0, rest / 36_000, rest / 3_600 % 10, rest / 600 % 6, rest / 60 % 10, rest / 10 % 6, rest % 10, 0,
        ]
        self.unixSeconds = seconds
        timestamp = String(unsafeUninitializedCapacity: 16) { buffer in
            for (index, digit) in digits.enumerated() { buffer[index] = UInt8(ascii: "0") + UInt8(digit) }
            buffer[8] = UInt8(ascii: "T")
            buffer[15] = UInt8(ascii: "Z")
            return 16
        }
    }

    /// Reads `20150830T123600Z` and `2015-08-30T12:36:00Z`; nil for anything else, also for 30 February.
    package init?(_ text: String) {
        var bytes = Array(text.utf8)
        if bytes.count == 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
        {
            for index in [16, 13, 7, 4] { bytes.remove(at: index) }
        }
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard byte &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8),
            let hour = number(9..<11), let minute = number(11..<13), let second = number(13..<15)
        else { return nil }
        let days = daysSince1970(year, month, day)
        self.init(unixSeconds: days * 86_400 + hour * 3_600 + minute * 60 + second)
        // A field out of its range comes back as another date.
        guard timestamp.utf8.elementsEqual(bytes) else { return nil }
    }

    package static func < (a: SigningDate, b: SigningDate) -> Bool { a.unixSeconds < b.unixSeconds }
}

/// Proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March.
private func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

private func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}
