import Foundation

/// How reports write their figures.
enum Figures {
    static func list(_ counts: [String: Int]) -> String {
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return words.isEmpty ? "none" : words.joined(separator: ", ")
    }

    static func whole(_ number: Double) -> String { "\(Int(number.rounded()))" }
    static func tenth(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }
    static func hundredth(_ number: Double) -> String { "\((number * 100).rounded() / 100)" }
    static func percent(_ share: Double) -> String { tenth(share * 100) + " %" }

    /// Most violations that are shown.
    static let maximumViolations = 20

    /// Whether every invariant held, and the first that did not, with how to see them again.
    static func verdict(_ invariants: [String], _ violations: [Violation], replay: String) -> String {
        guard !violations.isEmpty else {
            return "all \(invariants.count) invariants hold: \(invariants.joined(separator: ", "))"
        }
        let lines = violations.prefix(maximumViolations).map {
            "\n  broken: \($0.rule), tenant \($0.tenant): \($0.detail)\n    replay with \(replay)"
        }
        return "\(violations.count) violations of invariants" + lines.joined()
    }
}

extension SeedReport {
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
