import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A column of many values on its way to `unnest`, written as PostgreSQL's array text while it is filled: for
/// thousands of values a tenth of what `[Value]` costs, which makes a text of each.
package struct ColumnBuilder<Element: ColumnElement>: PostgresBindable, Sendable {
    package static var postgresType: UInt32 { Element.columnType }
    package private(set) var count = 0
    private var text: [UInt8] = [UInt8(ascii: "{")]

    package init(capacity: Int) {
        text.reserveCapacity(capacity * Element.usualLength + 2)
    }

    package mutating func append(_ element: Element) {
        if count > 0 { text.append(UInt8(ascii: ",")) }
        count += 1
        element.write(to: &text)
    }

    package var bind: Bind {
        Bind(type: Self.postgresType, text: String(decoding: text + [UInt8(ascii: "}")], as: UTF8.self))
    }
}

/// What needs no quotes in an array's text.
package protocol ColumnElement: Sendable {
    static var columnType: UInt32 { get }
    /// Bytes, with the comma.
    static var usualLength: Int { get }
    func write(to text: inout [UInt8])
}

extension Int: ColumnElement {
    /// bigint[]
    package static var columnType: UInt32 { 1016 }
    package static var usualLength: Int { 8 }

    package func write(to text: inout [UInt8]) {
        if self < 0 { text.append(UInt8(ascii: "-")) }
        var rest = magnitude
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var position = buffer.count
            repeat {
                position -= 1
                buffer[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            text.append(contentsOf: buffer[position...])
        }
    }
}

extension UUID: ColumnElement {
    /// uuid[]
    package static var columnType: UInt32 { 2951 }
    package static var usualLength: Int { 33 }

    /// 32 digits: PostgreSQL reads them without the hyphens.
    package func write(to text: inout [UInt8]) {
        withUnsafeBytes(of: uuid) { bytes in
            for byte in bytes { text.append(hexOf: byte) }
        }
    }
}
