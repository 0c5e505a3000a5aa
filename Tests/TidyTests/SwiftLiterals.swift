/// A string literal in Swift code, with what stands around it.
struct SwiftLiteral: Equatable {
    /// As written, each interpolation as `*`.
    var text: String
    /// What the innermost open bracket belongs to: `AppError` or `tenants.settle` for a call's, `[` for a
    /// square one, empty for any other.
    var call: String
    /// Of the argument in that call, from 0.
    var argument: Int
    /// Of the argument; empty without one.
    var label: String
    /// The argument before it, where that is a case like `.failed`.
    var previousCase: String
    /// The line as far as the literal.
    var prefix: String
}

/// Finds the literals of one line in a Swift file. Comments and literals of several lines are passed over.
struct SwiftLiterals {
    private struct Bracket {
        var call: String
        var argument = 0
        var label = ""
    }

    private let text: [Character]
    private var index = 0
    private var open: [Bracket] = []
    private(set) var found: [SwiftLiteral] = []

    init(_ source: String) {
        text = Array(source)
        while index < text.count { step() }
    }

    private mutating func step() {
        if isNext("//") {
            index = text[index...].firstIndex { $0 == "\n" } ?? text.count
        } else if isNext("\"\"\"") {
            index += 3
            while index < text.count, !isNext("\"\"\"") { index += 1 }
            index += 3
        } else if text[index] == "\"" {
            takeLiteral()
        } else {
            count(text[index])
            index += 1
        }
    }

    private mutating func count(_ character: Character) {
        switch character {
        case "(":
            let name = text[..<index].reversed().prefix { $0.isLetter || $0.isNumber || "_.".contains($0) }
            open.append(Bracket(call: String(name.reversed()), label: nextLabel))
        case "[": open.append(Bracket(call: "["))
        case "{": open.append(Bracket(call: ""))
        case ")", "]", "}": _ = open.popLast()
        case "," where !open.isEmpty:
            open[open.count - 1].argument += 1
            open[open.count - 1].label = nextLabel
        default: break
        }
    }

    /// Behind the bracket or comma at `index`.
    private var nextLabel: String {
        let rest = text[(index + 1)...].drop(while: \.isWhitespace)
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        return rest.dropFirst(name.count).first == ":" ? String(name) : ""
    }

    private mutating func takeLiteral() {
        let lineStart = text[..<index].lastIndex { $0 == "\n" }.map { $0 + 1 } ?? 0
        let prefix = String(text[lineStart..<index])
        let context = String(text[max(0, index - 80)..<index])
        let previous = context.firstMatch(of: #/\.([a-z]\w*),\s*$/#).map { String($0.output.1) } ?? ""
        let bracket = open.last ?? Bracket(call: "")
        found.append(
            SwiftLiteral(
                text: readLiteral(), call: bracket.call, argument: bracket.argument, label: bracket.label,
                previousCase: previous, prefix: prefix))
    }

    /// From its first quotation mark to behind its last.
    private mutating func readLiteral() -> String {
        var literal = ""
        index += 1
        while index < text.count, text[index] != "\"" {
            if isNext("\\(") {
                index += 2
                passInterpolation()
                literal.append("*")
            } else {
                if text[index] == "\\" { index += 1 }
                literal.append(text[index])
                index += 1
            }
        }
        index += 1
        return literal
    }

    private mutating func passInterpolation() {
        var depth = 1
        while index < text.count, depth > 0 {
            switch text[index] {
            case "\"": _ = readLiteral()
            case "(": (depth, index) = (depth + 1, index + 1)
            case ")": (depth, index) = (depth - 1, index + 1)
            default: index += 1
            }
        }
    }

    private func isNext(_ word: String) -> Bool { text[index...].starts(with: word) }
}
