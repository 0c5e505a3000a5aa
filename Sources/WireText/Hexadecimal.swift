extension Collection<UInt8> {
    /// Two lower-case digits a byte, as ASCII: for a text that is still being put together.
    @inlinable package var hexDigits: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count * 2) { buffer, length in
            length = 0
            for byte in self {
                buffer[length] = hexDigit(byte >> 4)
                buffer[length + 1] = hexDigit(byte & 15)
                length += 2
            }
        }
    }

    /// Two lower-case digits a byte.
    @inlinable package var hex: String { String(decoding: hexDigits, as: UTF8.self) }
}

extension [UInt8] {
    /// Adds the two lower-case digits of a byte, as ASCII.
    @inlinable package mutating func append(hexOf byte: UInt8) {
        append(hexDigit(byte >> 4))
        append(hexDigit(byte & 15))
    }

    /// Strict: bytes have exactly one text.
    /// - Parameter digits: ASCII.
    /// - Returns: nil for an odd number of digits and for anything but lower-case digits.
    @inlinable package init?(hexDigits digits: some RandomAccessCollection<UInt8>) {
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        var position = digits.startIndex
        while position < digits.endIndex {
            let next = digits.index(after: position)
            guard let high = hexValue(digits[position]), let low = hexValue(digits[next]) else { return nil }
            append(high << 4 | low)
            position = digits.index(after: next)
        }
    }

    /// - Returns: nil as for `init(hexDigits:)`.
    package init?(hex text: some StringProtocol) { self.init(hexDigits: Array(text.utf8)) }
}

@inlinable func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
}

@inlinable func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
}
