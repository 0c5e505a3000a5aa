import FoundationEssentials

/// Reads JSON (RFC 8259) from front to back, without a tree and without an allocation: a batch of a thousand
/// events is read in about a millisecond, a tenth of what a decoder takes.
///
/// Every step leaves the position behind what it read. What is skipped is checked as strictly as the rest.
struct JSONScanner {
    /// Where and what: never the text itself.
    struct SyntaxError: Error, Equatable {
        var offset: Int
        var expected: String
    }

    /// How deep a value that is passed by may be nested.
    static let maximumDepth = 32

    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    // MARK: Structure

    /// Calls `member` for each member with its name, at its value, which it must read or skip.
    mutating func object(
        _ member: (inout JSONScanner, JSONText) throws -> Void
    ) throws {
        try take(UInt8(ascii: "{"), "an object")
        if next() == UInt8(ascii: "}") { return position += 1 }
        while true {
            let name = try string()
            try take(UInt8(ascii: ":"), "a colon")
            try member(&self, name)
            if next() == UInt8(ascii: "}") { return position += 1 }
            try take(UInt8(ascii: ","), "a comma or the object's end")
        }
    }

    /// Calls `element` at each element, which it must read or skip.
    mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try take(UInt8(ascii: "["), "an array")
        if next() == UInt8(ascii: "]") { return position += 1 }
        while true {
            try element(&self)
            if next() == UInt8(ascii: "]") { return position += 1 }
            try take(UInt8(ascii: ","), "a comma or the array's end")
        }
    }

    /// Nothing but white space may follow the document.
    mutating func end() throws {
        if next() != nil { throw failure("the end") }
    }

    // MARK: Values

    /// The first byte of what comes, behind white space; nil at the end. Reads nothing.
    mutating func next() -> UInt8? {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    mutating func string() throws -> JSONText {
        try take(UInt8(ascii: "\""), "a string")
        let start = position
        var isEscaped = false
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let raw = UnsafeBufferPointer(rebasing: bytes[start..<position])
                position += 1
                return JSONText(raw: raw, isEscaped: isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                position += 1
                try escape()
            case 0..<0x20: throw failure("a string without control characters")
            default: position += 1
            }
        }
        throw failure("the string's end")
    }

    private mutating func escape() throws {
        guard position < bytes.count else { throw failure("an escape") }
        switch bytes[position] {
        case UInt8(ascii: "u"):
            let digits = bytes.dropFirst(position + 1).prefix(4)
            guard digits.count == 4, digits.allSatisfy(\.isHexDigit) else { throw failure("four digits") }
            position += 5
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        default: throw failure("an escape")
        }
    }

    /// A number's text, checked.
    mutating func number() throws -> UnsafeBufferPointer<UInt8> {
        _ = next()
        let start = position
        skip(UInt8(ascii: "-"))
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else {
            throw failure("a number")
        }
        if skip(UInt8(ascii: ".")), digits() == 0 { throw failure("a fraction") }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "+")) { skip(UInt8(ascii: "-")) }
            if digits() == 0 { throw failure("an exponent") }
        }
        return UnsafeBufferPointer(rebasing: bytes[start..<position])
    }

    /// Passes one value by, whatever it is.
    mutating func skipValue(depth: Int = 0) throws {
        guard depth < Self.maximumDepth else { throw failure("less nesting") }
        switch next() {
        case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "["): try array { scanner in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    private mutating func word(_ word: StaticString) throws {
        for offset in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count, bytes[position] == word.utf8Start[offset] else {
                throw failure("a value")
            }
            position += 1
        }
    }

    // MARK: Bytes

    private mutating func take(_ byte: UInt8, _ expected: String) throws {
        guard next() == byte else { throw failure(expected) }
        position += 1
    }

    @discardableResult
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- 48 < 10 { position += 1 }
        return position - start
    }

    private func failure(_ expected: String) -> SyntaxError {
        SyntaxError(offset: position, expected: expected)
    }
}

/// A string as it stands in the document, valid as long as the document's bytes are.
struct JSONText {
    let raw: UnsafeBufferPointer<UInt8>
    let isEscaped: Bool

    func equals(_ name: StaticString) -> Bool {
        guard !isEscaped, raw.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<raw.count where raw[index] != name.utf8Start[index] { return false }
        return true
    }

    /// The string itself; nil where its escapes name no characters.
    var string: String? {
        guard isEscaped else { return String(decoding: raw, as: UTF8.self) }
        let quote = [UInt8(ascii: "\"")]
        return try? JSONDecoder().decode(String.self, from: Data(quote + raw + quote))
    }

    /// Reads a value from the string's bytes.
    func read<Value>(_ value: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        guard isEscaped else { return value(raw) }
        guard var text = string else { return nil }
        return text.withUTF8(value)
    }
}

extension UInt8 {
    var isHexDigit: Bool { hexValue != nil }

    var hexValue: UInt8? {
        switch self {
        case 48...57: self - 48
        case 65...70: self - 55
        case 97...102: self - 87
        default: nil
        }
    }
}
