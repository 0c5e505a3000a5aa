import AuditChain
import Digests

/// A JSON Schema (2020-12), as OpenAPI 3.1 uses it.
package typealias Schema = AuditValue

/// The schemas that descriptions are put together from.
enum Shape {
    static func text(_ lengths: ClosedRange<Int>? = nil, pattern: String? = nil) -> Schema {
        var members: [String: Schema] = ["type": "string"]
        if let lengths {
            members["minLength"] = .integer(lengths.lowerBound)
            members["maxLength"] = .integer(lengths.upperBound)
        }
        if let pattern { members["pattern"] = .string(pattern) }
        return .object(members)
    }

    static let boolean: Schema = ["type": "boolean"]
    static let number: Schema = ["type": "number"]

    static func integer(_ range: ClosedRange<Int>? = nil) -> Schema {
        guard let range else { return ["type": "integer"] }
        return [
            "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
        ]
    }

    static let id: Schema = ["type": "string", "format": "uuid"]
    /// RFC 3339.
    static let time: Schema = ["type": "string", "format": "date-time"]
    static let slug = text(pattern: "^[a-z][a-z0-9-]{2,31}$")
    /// The platform's configuration says which there are.
    static let plan = text(pattern: "^[a-z0-9_-]{1,32}$")
    static let digest = text(pattern: "^sha256:[0-9a-f]{64}$")
    static let tag = text(1...128)

    static func words(_ words: [String]) -> Schema { ["type": "string", "enum": .texts(words)] }

    static func words<Word: CaseIterable & RawRepresentable<String>>(of _: Word.Type) -> Schema {
        words(Word.allCases.map(\.rawValue))
    }

    static func list(_ element: Schema, _ counts: ClosedRange<Int>? = nil) -> Schema {
        guard let counts else { return ["type": "array", "items": element] }
        return [
            "type": "array", "items": element, "minItems": .integer(counts.lowerBound),
            "maxItems": .integer(counts.upperBound),
        ]
    }

    /// Names that are not known beforehand.
    static func table(_ value: Schema) -> Schema { ["type": "object", "additionalProperties": value] }

    static func nullable(_ schema: Schema) -> Schema { ["anyOf": [schema, ["type": "null"]]] }

    static func either(_ schemas: Schema...) -> Schema { ["anyOf": .array(schemas)] }

    /// A schema of the components.
    static func named(_ name: String) -> Schema { ["$ref": .string("#/components/schemas/\(name)")] }

    /// What is answered: more members may come with later versions.
    static func record(_ required: [String: Schema], optional: [String: Schema] = [:]) -> Schema {
        .object([
            "type": "object", "required": .texts(required.keys.sorted()),
            "properties": .object(required.merging(optional) { $1 }),
        ])
    }

    /// What is sent: an unknown member is refused.
    static func body(_ required: [String: Schema], optional: [String: Schema] = [:]) -> Schema {
        var members: [String: Schema] = [
            "type": "object", "additionalProperties": false,
            "properties": .object(required.merging(optional) { $1 }),
        ]
        if !required.isEmpty { members["required"] = .texts(required.keys.sorted()) }
        return .object(members)
    }

    /// `{"confirm": "<slug>"}`
    static let confirmation = body(["confirm": slug])
}

extension Schema {
    func described(_ text: String) -> Schema {
        guard case .object(var members) = self else { return self }
        members["description"] = .string(text)
        return .object(members)
    }
}
