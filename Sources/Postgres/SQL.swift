/// A statement with its values. Text comes only from literals in the source; a value in `\(...)` becomes a
/// bind (`$1`, `$2`, ...), never a part of the text, so no value can change what the statement means.
///
///     try await database.query("SELECT id FROM orgs WHERE slug = \(slug)")
///     let newest: SQL = "ORDER BY created_at DESC"
///     try await database.query("SELECT id FROM orgs \(newest) LIMIT \(20)")
///
/// A `String` is sent without a type, as a quoted literal is, so that it fits text, uuid, jsonb and enum
/// columns; every other type is sent with its own (`Int` is bigint).
package struct SQL: ExpressibleByStringInterpolation, Sendable {
    /// The literal text around the binds: always one more than there are binds.
    let segments: [String]
    let binds: [Bind]

    package init(stringLiteral value: StaticString) {
        segments = [value.description]
        binds = []
    }

    package init(stringInterpolation: Interpolation) {
        segments = stringInterpolation.segments
        binds = stringInterpolation.binds
    }

    /// The fragments one after another with `separator` between them: for lists of conditions or columns.
    package init(joining fragments: [SQL], separator: SQL) {
        var joined = Interpolation(literalCapacity: 0, interpolationCount: fragments.count)
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { joined.appendInterpolation(separator) }
            joined.appendInterpolation(fragment)
        }
        self.init(stringInterpolation: joined)
    }

    /// The text as the server gets it.
    var text: String {
        guard segments.count > 1 else { return segments[0] }
        var text = segments[0]
        for index in 1..<segments.count {
            text += "$\(index)"
            text += segments[index]
        }
        return text
    }

    package struct Interpolation: StringInterpolationProtocol {
        var segments = [""]
        var binds: [Bind] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            segments.reserveCapacity(interpolationCount + 1)
            binds.reserveCapacity(interpolationCount)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            segments[segments.count - 1] += literal.description
        }

        package mutating func appendInterpolation(_ value: some PostgresBindable) {
            binds.append(value.bind)
            segments.append("")
        }

        /// A declared optional, without the compiler's warning about describing one; nil is NULL.
        package mutating func appendInterpolation<Value: PostgresBindable>(_ value: Value?) {
            binds.append(value.bind)
            segments.append("")
        }

        /// Splices a fragment; its binds are numbered on from here.
        package mutating func appendInterpolation(_ fragment: SQL) {
            segments[segments.count - 1] += fragment.segments[0]
            segments.append(contentsOf: fragment.segments.dropFirst())
            binds.append(contentsOf: fragment.binds)
        }

        /// A table, column or database name, quoted; it can be nothing but a name.
        package mutating func appendInterpolation(identifier: String) {
            segments[segments.count - 1] += quotedIdentifier(identifier)
        }
    }
}

func quotedIdentifier(_ name: String) -> String {
    var quoted = "\""
    for character in name.unicodeScalars where character != "\0" {
        quoted += character == "\"" ? "\"\"" : String(character)
    }
    return quoted + "\""
}
