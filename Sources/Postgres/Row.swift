import CPostgres
import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One row of a result; columns are read by name and decoded when asked.
package struct Row: Sendable {
    let result: ResultSet
    let index: Int32

    /// - Throws: `RowError` for a missing column, a NULL where the type is not optional, or text that is
    ///   not a value of the type. The error names column and type, never the value.
    package subscript<Value: PostgresDecodable>(_ name: String, as type: Value.Type = Value.self) -> Value {
        get throws {
            guard let column = result.column(name) else { throw RowError(column: name, problem: .missing) }
            guard PQgetisnull(result.handle, index, column) == 0 else {
                guard let null = Value.null else { throw RowError(column: name, problem: .null(type)) }
                return null
            }
            let start = UnsafeRawPointer(PQgetvalue(result.handle, index, column)!)
            let length = Int(PQgetlength(result.handle, index, column))
            let bytes = UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: length)
            guard let value = Value.decode(bytes) else { throw RowError(column: name, problem: .type(type)) }
            return value
        }
    }
}

package struct RowError: Error, CustomStringConvertible {
    enum Problem {
        case missing
        case null(Any.Type)
        case type(Any.Type)
    }

    package let column: String
    let problem: Problem

    package var description: String {
        switch problem {
        case .missing: "the result has no column \(column)"
        case .null(let type): "column \(column) is NULL, wanted \(type)"
        case .type(let type): "column \(column) does not hold a \(type)"
        }
    }
}

/// What a column may be read as, from PostgreSQL's text form.
package protocol PostgresDecodable {
    /// What NULL reads as; nil when the type has no such value.
    static var null: Self? { get }
    static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Self?
}

extension PostgresDecodable {
    package static var null: Self? { nil }
}

extension String: PostgresDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> String? {
        String(decoding: text, as: UTF8.self)
    }
}

extension Bool: PostgresDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
        guard text.count == 1 else { return nil }
        return text[0] == UInt8(ascii: "t") ? true : text[0] == UInt8(ascii: "f") ? false : nil
    }
}

extension PostgresDecodable where Self: FixedWidthInteger {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Self? {
        Self(Substring(decoding: text, as: UTF8.self))
    }
}

extension Int: PostgresDecodable {}
extension Int64: PostgresDecodable {}
extension Int32: PostgresDecodable {}

extension Double: PostgresDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
        Double(String(decoding: text, as: UTF8.self))
    }
}

extension UUID: PostgresDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> UUID? {
        UUID(uuidString: String(decoding: text, as: UTF8.self))
    }
}

extension Date: PostgresDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Date? { Timestamp.date(from: text) }
}

extension JSON: PostgresDecodable where Value: Decodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> JSON<Value>? {
        (try? JSONDecoder().decode(Value.self, from: Data(text))).map { JSON($0) }
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static var null: Wrapped?? { .some(nil) }
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Wrapped?? {
        Wrapped.decode(text).map { .some($0) }
    }
}

/// bytea for `[UInt8]`, a one-dimensional array for any other element.
extension Array: PostgresDecodable where Element: PostgresArrayDecodable {
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [Element]? {
        Element.decodeArray(text)
    }
}

package protocol PostgresArrayDecodable {
    static func decodeArray(_ text: UnsafeBufferPointer<UInt8>) -> [Self]?
}

extension UInt8: PostgresArrayDecodable {
    package static func decodeArray(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count >= 2, text[0] == UInt8(ascii: "\\"), text[1] == UInt8(ascii: "x") else { return nil }
        return [UInt8](hexDigits: UnsafeBufferPointer(rebasing: text[2...]))
    }
}

extension PostgresArrayDecodable where Self: PostgresDecodable {
    package static func decodeArray(_ text: UnsafeBufferPointer<UInt8>) -> [Self]? {
        guard let elements = ArrayText.elements(of: text) else { return nil }
        var decoded: [Self] = []
        decoded.reserveCapacity(elements.count)
        for element in elements {
            let value =
                element.map { bytes in bytes.withUnsafeBufferPointer { Self.decode($0) } } ?? Self.null
            guard let value else { return nil }
            decoded.append(value)
        }
        return decoded
    }
}

extension String: PostgresArrayDecodable {}
extension Int: PostgresArrayDecodable {}
extension Int64: PostgresArrayDecodable {}
extension Double: PostgresArrayDecodable {}
extension Bool: PostgresArrayDecodable {}
extension UUID: PostgresArrayDecodable {}
extension Date: PostgresArrayDecodable {}
