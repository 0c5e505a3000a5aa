/// The parameters of an EC2 query request, with its numbered lists (`Filter.1.Value.2`).
struct QueryParameters: Sendable {
    private(set) var values: [String: String]

    init(body: [UInt8]) {
        let pairs = FormText.parse(String(decoding: body, as: UTF8.self))
        values = Dictionary(pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    subscript(_ name: String) -> String? { values[name] }

    func required(_ name: String) throws -> String {
        guard let value = values[name], !value.isEmpty else { throw AWSError.missing(name) }
        return value
    }

    func integer(_ name: String) throws -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text) else { throw AWSError.invalid(text, for: name, "Expected an integer.") }
        return value
    }

    func boolean(_ name: String) throws -> Bool? {
        switch values[name] {
        case nil: return nil
        case "true": return true
        case "false": return false
        case let text?: throw AWSError.invalid(text, for: name, "Expected true or false.")
        }
    }

    /// `Name.1`, `Name.2`, ... in the order of their numbers.
    func list(_ name: String) -> [String] {
        members(name).compactMap { values["\(name).\($0)"] }
    }

    /// The structures `Name.1.*`, `Name.2.*`, ..., each with its own parameters.
    func structures(_ name: String) -> [QueryParameters] {
        members(name).map { structure("\(name).\($0)") }
    }

    /// What stands under `Name.`, without that prefix.
    func structure(_ name: String) -> QueryParameters {
        var copy = self
        let prefix = name + "."
        copy.values = [:]
        for (key, value) in values where key.hasPrefix(prefix) {
            copy.values[String(key.dropFirst(prefix.count))] = value
        }
        return copy
    }

    /// The request as something to compare: every parameter but the named ones.
    func fingerprint(without names: Set<String>) -> [String: String] {
        values.filter { !names.contains($0.key) }
    }

    private func members(_ name: String) -> [Int] {
        let prefix = name + "."
        var numbers: Set<Int> = []
        for key in values.keys where key.hasPrefix(prefix) {
            let digits = key.dropFirst(prefix.count).prefix { $0 != "." }
            if let number = Int(digits) { numbers.insert(number) }
        }
        return numbers.sorted()
    }
}
