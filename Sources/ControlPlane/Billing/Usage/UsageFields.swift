import FoundationEssentials

/// What the fields of an event are read as, from the bytes of the request.
package enum UsageField {
    /// 32 digits in the usual groups; upper case too.
    package static func uuid(_ text: UnsafeBufferPointer<UInt8>) -> UUID? {
        guard text.count == 36 else { return nil }
        var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isRead = withUnsafeMutableBytes(of: &value) { bytes in
            var position = 0
            for index in 0..<16 {
                if position == 8 || position == 13 || position == 18 || position == 23 {
                    guard text[position] == UInt8(ascii: "-") else { return false }
                    position += 1
                }
                guard let high = text[position].hexValue, let low = text[position + 1].hexValue else {
                    return false
                }
                bytes[index] = high << 4 | low
                position += 2
            }
            return true
        }
        return isRead ? UUID(uuid: value) : nil
    }

    /// A whole number as JSON writes it; nil with a fraction, an exponent, or more than 18 digits.
    package static func integer(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = text.dropFirst(isNegative ? 1 : 0)
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value = 0
        for byte in digits {
            guard byte &- 48 < 10 else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        return isNegative ? -value : value
    }

    /// The name of a provider or a model: a code, no free text.
    package static func name(_ text: UnsafeBufferPointer<UInt8>) -> String? {
        guard isName(text) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    package static func isName(_ text: some Collection<UInt8>) -> Bool {
        guard !text.isEmpty, text.count <= UsageField.maximumNameBytes else { return false }
        return text.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122: true
            default: nameMarks.contains(byte)
            }
        }
    }

    package static let maximumNameBytes = 128
    /// Beside letters and digits: `accounts/fireworks/models/llama-v3p1:free@eu`.
    private static let nameMarks = Array("._:/@+-".utf8)
}

/// A time as RFC 3339 writes it, in microseconds since 1970.
package enum RFC3339 {
    package static func microseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard text.count >= 20, let year = number(text, 0, 4), let month = number(text, 5, 2),
            let day = number(text, 8, 2), let hour = number(text, 11, 2), let minute = number(text, 14, 2),
            let second = number(text, 17, 2), text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t") || text[10] == UInt8(ascii: " "),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            year >= 1, 1...12 ~= month, 1...length(of: month, in: year) ~= day, hour < 24, minute < 60,
            second <= 60
        else { return nil }
        var position = 19
        guard let fraction = fraction(text, &position), let offset = offset(text, position) else {
            return nil
        }
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
        return seconds * 1_000_000 + fraction
    }

    /// Microseconds; what is finer is cut off.
    private static func fraction(_ text: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Int? {
        guard text[position] == UInt8(ascii: ".") else { return 0 }
        position += 1
        let start = position
        var (value, unit) = (0, 100_000)
        while position < text.count, text[position] &- 48 < 10 {
            value += Int(text[position] - 48) * unit
            unit /= 10
            position += 1
        }
        return position > start ? value : nil
    }

    /// Seconds to the east of UTC.
    private static func offset(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Int? {
        guard position < text.count else { return nil }
        if text[position] | 0x20 == UInt8(ascii: "z") { return position + 1 == text.count ? 0 : nil }
        guard position + 6 == text.count, text[position + 3] == UInt8(ascii: ":"),
            let hours = number(text, position + 1, 2), let minutes = number(text, position + 4, 2),
            hours < 24, minutes < 60
        else { return nil }
        switch text[position] {
        case UInt8(ascii: "+"): return hours * 3_600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3_600 + minutes * 60)
        default: return nil
        }
    }

    private static func number(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ width: Int) -> Int? {
        var value = 0
        for position in start..<start + width {
            guard text[position] &- 48 < 10 else { return nil }
            value = value * 10 + Int(text[position] - 48)
        }
        return value
    }

    private static func length(of month: Int, in year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Since 1970-01-01, counted from the first of March, so that the leap day is a year's last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let (era, ofEra) = (shifted / 400, shifted % 400)
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }
}
