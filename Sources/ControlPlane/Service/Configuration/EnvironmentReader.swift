import FoundationEssentials

/// One variable of the environment, as `controlplane configuration` and the README show it.
package struct Variable: Sendable {
    package var name: String
    var meaning: String
    /// nil: it must be set.
    package var fallback: String?
    var isSecret = false
}

/// Everything that is missing or malformed, at once, so that one restart is enough to mend it.
struct ConfigurationError: Error, CustomStringConvertible {
    var problems: [String]

    var description: String {
        (["The control plane cannot start: \(problems.count) variable(s) need attention."]
            + problems.map { "  \($0)" }
            + ["`controlplane configuration` explains every variable."]).joined(separator: "\n")
    }
}

/// Reads variables one by one and collects what is wrong with them instead of stopping at the first.
package struct EnvironmentReader {
    package let environment: [String: String]
    private(set) var problems: [String] = []

    package init(_ environment: [String: String]) { self.environment = environment }

    /// The value, its fallback, or nil when neither exists. An empty value counts as unset.
    func optional(_ variable: Variable) -> String? {
        if let value = environment[variable.name], !value.isEmpty { return value }
        return variable.fallback.flatMap { $0.isEmpty ? nil : $0 }
    }

    mutating func string(_ variable: Variable) -> String {
        guard let value = optional(variable) else {
            problems.append("\(variable.name) is not set: \(variable.meaning)")
            return ""
        }
        return value
    }

    mutating func integer(_ variable: Variable, in range: ClosedRange<Int>) -> Int {
        parse(variable, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
            Int($0).flatMap { range.contains($0) ? $0 : nil }
        } ?? range.lowerBound
    }

    package mutating func seconds(_ variable: Variable, in range: ClosedRange<Int>) -> Duration {
        .seconds(integer(variable, in: range))
    }

    package mutating func url(_ variable: Variable, schemes: Set<String> = ["http", "https"]) -> String {
        let expected =
            "a URL of scheme \(schemes.sorted().joined(separator: " or ")) without a trailing slash"
        return parse(variable, expected: expected) { text in
            guard let scheme = text.split(separator: ":").first, schemes.contains(String(scheme)),
                text.contains("://"), !text.hasSuffix("/")
            else { return nil }
            return text
        } ?? ""
    }

    mutating func optionalURL(_ variable: Variable) -> String? {
        optional(variable) == nil ? nil : url(variable)
    }

    /// The text of the file that the variable names.
    package mutating func file(_ variable: Variable) -> String {
        parse(variable, expected: "the path of a readable file") {
            try? String(contentsOfFile: $0, encoding: .utf8)
        } ?? ""
    }

    mutating func optionalFile(_ variable: Variable) -> String? {
        optional(variable) == nil ? nil : file(variable)
    }

    /// Applies `convert` and notes a problem, without the value where it is a secret.
    package mutating func parse<Value>(
        _ variable: Variable, expected: String, _ convert: (String) -> Value?
    ) -> Value? {
        let text = string(variable)
        guard !text.isEmpty else { return nil }
        if let value = convert(text) { return value }
        let shown = variable.isSecret ? "its value" : "\"\(text.prefix(80))\""
        problems.append("\(variable.name): \(shown) is not \(expected).")
        return nil
    }

    package mutating func note(_ problem: String) { problems.append(problem) }
}
