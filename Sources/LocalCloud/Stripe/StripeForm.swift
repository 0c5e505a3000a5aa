/// The parameters of a call: `a[b][0][c]=x` as a tree. Source: Stripe API, "Introduction" (form-encoded).
indirect enum FormValue: Sendable, Equatable {
    case text(String)
    /// Keys of a list are its indices.
    case fields([String: FormValue])

    /// Deepest nesting, and most fields of one call.
    static let maximumDepth = 8
    static let maximumFields = 1000

    init(_ pairs: [(name: String, value: String)]) throws {
        guard pairs.count <= Self.maximumFields else {
            throw StripeError(message: "Too many parameters: at most \(Self.maximumFields).")
        }
        self = .fields([:])
        for (name, value) in pairs { try insert(try Self.path(name)[...], value, name) }
    }

    /// `a[b][]` as a, b and an empty step.
    private static func path(_ name: String) throws -> [String] {
        guard let open = name.firstIndex(of: "[") else { return [name] }
        var steps = [String(name[..<open])]
        guard name.last == "]" else { throw StripeError(message: "Invalid parameter name: \(name)") }
        steps += name[name.index(after: open)...].dropLast().split(
            separator: "][", omittingEmptySubsequences: false
        ).map(String.init)
        guard steps.count <= maximumDepth else {
            throw StripeError(message: "Invalid nesting: \(name)", param: name)
        }
        return steps
    }

    private mutating func insert(_ path: ArraySlice<String>, _ value: String, _ name: String) throws {
        guard case .fields(var fields) = self, var step = path.first else {
            throw StripeError.invalid(name, "Invalid nesting: \(name)")
        }
        if step.isEmpty { step = String(fields.count) }
        let rest = path.dropFirst()
        if rest.isEmpty {
            fields[step] = .text(value)
        } else {
            var child = fields[step] ?? .fields([:])
            try child.insert(rest, value, name)
            fields[step] = child
        }
        self = .fields(fields)
    }
}

/// What a call reads its parameters from. Names what is wrong as the caller wrote it.
struct StripeParameters: Sendable {
    private let fields: [String: FormValue]
    private let prefix: String?

    init(_ pairs: [(name: String, value: String)]) throws {
        guard case .fields(let fields) = try FormValue(pairs) else {
            throw StripeError(message: "Invalid parameters")
        }
        (self.fields, prefix) = (fields, nil)
    }

    private init(_ fields: [String: FormValue], _ prefix: String) {
        (self.fields, self.prefix) = (fields, prefix)
    }

    func name(_ key: String) -> String { prefix.map { "\($0)[\(key)]" } ?? key }

    /// Stripe refuses what it does not know; `expand` is known everywhere.
    func only(_ known: String...) throws { try only(known) }

    func only(_ known: [String]) throws {
        let known = Set(known + (prefix == nil ? ["expand"] : []))
        if let other = fields.keys.sorted().first(where: { !known.contains($0) }) {
            throw StripeError.unknown(name(other))
        }
    }

    func has(_ key: String) -> Bool { fields[key] != nil }

    /// Given as an empty string: what it names is to be unset.
    func unsets(_ key: String) -> Bool { fields[key] == .text("") }

    /// nil when it is not given, or empty.
    func text(_ key: String) throws -> String? {
        switch fields[key] {
        case nil, .text(""): return nil
        case .text(let value): return value
        case .fields: throw StripeError.invalid(name(key), "Invalid string: \(name(key))")
        }
    }

    func required(_ key: String) throws -> String {
        guard let value = try text(key) else { throw StripeError.missing(name(key)) }
        return value
    }

    /// Further from zero than any time or amount that somebody means.
    private static let integers = -1_000_000_000_000_000...1_000_000_000_000_000

    func integer(_ key: String) throws -> Int? {
        guard let text = try text(key) else { return nil }
        guard let value = Int(text), Self.integers.contains(value) else {
            throw StripeError.invalid(
                name(key), "Invalid integer: \(text)", code: "parameter_invalid_integer")
        }
        return value
    }

    func flag(_ key: String) throws -> Bool? {
        switch try text(key) {
        case nil: return nil
        case "true": return true
        case "false": return false
        case let text?: throw StripeError.invalid(name(key), "Invalid boolean: \(text)")
        }
    }

    func choice(_ key: String, _ values: String...) throws -> String? {
        guard let text = try text(key) else { return nil }
        guard values.contains(text) else {
            throw StripeError.invalid(
                name(key), "Invalid \(name(key)): must be one of \(values.joined(separator: ", "))")
        }
        return text
    }

    func nested(_ key: String) throws -> StripeParameters? {
        switch fields[key] {
        case nil, .text(""): return nil
        case .fields(let fields): return StripeParameters(fields, name(key))
        case .text: throw StripeError.invalid(name(key), "Invalid object")
        }
    }

    func list(_ key: String) throws -> [StripeParameters] {
        guard let list = try nested(key) else { return [] }
        return try list.indices.compactMap { try list.nested($0) }
    }

    func texts(_ key: String) throws -> [String] {
        if case .text(let one) = fields[key] { return one.isEmpty ? [] : [one] }
        guard let list = try nested(key) else { return [] }
        return try list.indices.compactMap { try list.text($0) }
    }

    private var indices: [String] { fields.keys.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) } }

    /// Keys that are set to nothing go; the others are kept or replaced. Source: Stripe API, "Metadata".
    func metadata(over old: [String: String] = [:], _ key: String = "metadata") throws -> [String: String] {
        guard !unsets(key) else { return [:] }
        guard let given = try nested(key) else { return old }
        var merged = old
        for name in given.fields.keys { merged[name] = try given.text(name) }
        guard merged.count <= 50, merged.allSatisfy({ $0.key.count <= 40 && $0.value.count <= 500 }) else {
            throw StripeError.invalid(
                name(key), "Metadata: at most 50 keys of 40 characters, with values of 500.")
        }
        return merged
    }
}
