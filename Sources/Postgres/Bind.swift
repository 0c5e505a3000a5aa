import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

package enum BindValue: Sendable {
    case text(String)
    case null
    /// The value has no PostgreSQL form; the statement fails with this reason, which holds no value.
    case invalid(String)
}

/// One value on its way to the server, in PostgreSQL's text form.
package struct Bind: Sendable {
    /// The type's object id in `pg_type`; 0 lets the server infer it.
    let type: UInt32
    let value: BindValue

    init(type: UInt32, text: String) {
        self.type = type
        value = text.utf8.contains(0) ? .invalid("text with a NUL byte") : .text(text)
    }

    init(type: UInt32, value: BindValue) {
        self.type = type
        self.value = value
    }
}

/// What `\(...)` in a statement accepts.
package protocol PostgresBindable {
    static var postgresType: UInt32 { get }
    var bind: Bind { get }
}

extension String: PostgresBindable {
    package static var postgresType: UInt32 { 0 }
    package var bind: Bind { Bind(type: 0, text: self) }
}

extension Bool: PostgresBindable {
    package static var postgresType: UInt32 { 16 }
    package var bind: Bind { Bind(type: 16, value: .text(self ? "t" : "f")) }
}

extension Int: PostgresBindable {
    package static var postgresType: UInt32 { 20 }
    package var bind: Bind { Bind(type: 20, value: .text(String(self))) }
}

extension Int64: PostgresBindable {
    package static var postgresType: UInt32 { 20 }
    package var bind: Bind { Bind(type: 20, value: .text(String(self))) }
}

extension Int32: PostgresBindable {
    package static var postgresType: UInt32 { 23 }
    package var bind: Bind { Bind(type: 23, value: .text(String(self))) }
}

extension Double: PostgresBindable {
    package static var postgresType: UInt32 { 701 }
    package var bind: Bind { Bind(type: 701, value: .text(postgresText)) }

    private var postgresText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self > 0 ? "Infinity" : "-Infinity" }
        return description
    }
}

extension UUID: PostgresBindable {
    package static var postgresType: UInt32 { 2950 }
    package var bind: Bind { Bind(type: 2950, value: .text(uuidString)) }
}

/// timestamptz, to the microsecond.
extension Date: PostgresBindable {
    package static var postgresType: UInt32 { 1184 }
    package var bind: Bind {
        guard let text = Timestamp.text(of: self) else {
            return Bind(type: 1184, value: .invalid("a date outside the years 1 to 9999"))
        }
        return Bind(type: 1184, value: .text(text))
    }
}

/// Any Codable value as jsonb. Keys are sorted, so that equal values have equal text.
package struct JSON<Value> {
    package let value: Value
    package init(_ value: Value) { self.value = value }
}

extension JSON: Sendable where Value: Sendable {}

extension JSON: PostgresBindable where Value: Encodable {
    package static var postgresType: UInt32 { 3802 }
    package var bind: Bind {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            return Bind(type: 3802, value: .invalid("\(Value.self) does not encode to JSON"))
        }
        return Bind(type: 3802, text: String(decoding: data, as: UTF8.self))
    }
}

extension Optional: PostgresBindable where Wrapped: PostgresBindable {
    package static var postgresType: UInt32 { Wrapped.postgresType }
    package var bind: Bind { self?.bind ?? Bind(type: Wrapped.postgresType, value: .null) }
}

/// What `[Element]` needs to be bound: bytes are bytea, every other element makes a PostgreSQL array.
package protocol PostgresArrayElement {
    static var postgresArrayType: UInt32 { get }
    static func arrayValue(_ elements: [Self]) -> BindValue
}

extension PostgresArrayElement where Self: PostgresBindable {
    package static func arrayValue(_ elements: [Self]) -> BindValue { arrayText(of: elements.map(\.bind)) }
}

extension String: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1009 } }
extension Int: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1016 } }
extension Int64: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1016 } }
extension Double: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1022 } }
extension Bool: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1000 } }
extension UUID: PostgresArrayElement { package static var postgresArrayType: UInt32 { 2951 } }
extension Date: PostgresArrayElement { package static var postgresArrayType: UInt32 { 1185 } }
extension JSON: PostgresArrayElement where Value: Encodable {
    package static var postgresArrayType: UInt32 { 3807 }
}
extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresBindable {
    package static var postgresArrayType: UInt32 { Wrapped.postgresArrayType }
}
extension UInt8: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { 17 }
    package static func arrayValue(_ elements: [UInt8]) -> BindValue { .text("\\x" + elements.hex) }
}

extension Array: PostgresBindable where Element: PostgresArrayElement {
    package static var postgresType: UInt32 { Element.postgresArrayType }
    package var bind: Bind { Bind(type: Element.postgresArrayType, value: Element.arrayValue(self)) }
}

private func arrayText(of binds: [Bind]) -> BindValue {
    var text = "{"
    for (index, bind) in binds.enumerated() {
        if index > 0 { text += "," }
        switch bind.value {
        case .invalid: return bind.value
        case .null: text += "NULL"
        case .text(let element):
            text += "\""
            for scalar in element.unicodeScalars {
                if scalar == "\"" || scalar == "\\" { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
            text += "\""
        }
    }
    return .text(text + "}")
}
