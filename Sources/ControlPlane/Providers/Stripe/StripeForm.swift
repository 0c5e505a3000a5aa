/// A value of a form as Stripe nests them: `metadata[org_id]=...&line_items[0][price]=...`.
package indirect enum StripeValue: Sendable, Equatable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([StripeValue])
    case fields([Field])

    package struct Field: Sendable, Equatable {
        var name: String
        var value: StripeValue
    }
}

extension StripeValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    package init(stringLiteral value: String) { self = .text(value) }
}

extension StripeValue: ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
}

extension StripeValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    package init(arrayLiteral elements: StripeValue...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, StripeValue)...) {
        self = .fields(elements.map { Field(name: $0.0, value: $0.1) })
    }
}

/// The parameters of a call, in the order in which they are sent. Stripe's answer does not depend on it.
package struct StripeForm: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    private var fields: [StripeValue.Field]

    package init(dictionaryLiteral elements: (String, StripeValue)...) {
        fields = elements.map { .init(name: $0.0, value: $0.1) }
    }

    package var isEmpty: Bool { fields.isEmpty }

    package mutating func add(_ name: String, _ value: StripeValue) {
        fields.append(.init(name: name, value: value))
    }

    /// Every value under its whole name, as `items[0][price]`.
    package var pairs: [(String, String)] { fields.flatMap { Self.pairs($0.name, $0.value) } }

    private static func pairs(_ name: String, _ value: StripeValue) -> [(String, String)] {
        switch value {
        case .text(let text): [(name, text)]
        case .integer(let number): [(name, String(number))]
        case .flag(let flag): [(name, flag ? "true" : "false")]
        case .list(let values):
            values.enumerated().flatMap { pairs("\(name)[\($0.offset)]", $0.element) }
        case .fields(let fields): fields.flatMap { pairs("\(name)[\($0.name)]", $0.value) }
        }
    }
}
