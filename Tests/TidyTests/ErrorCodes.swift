/// The machine-readable codes of errors, as the sources write them.
struct ErrorCodes {
    /// Of an `AppError`: what a caller of the API gets. A part that is known only when it is thrown is `*`.
    private(set) var answers: Set<String> = []
    /// Of what failed by itself: a call to a provider, a workflow, a redeploy, a rollout.
    private(set) var failures: Set<String> = []

    /// Descriptions of answers are no answers, and a simulated provider's codes are the provider's.
    private static let silentFolders: Set<String> = ["OpenAPI", "FleetSimulator"]
    /// Where a code follows without a label.
    private static let failingCases: Set<String> = ["failed", "aborted", "unhealthy", "inconclusive"]

    init(_ files: [SourceFile]) {
        for file in files where Self.silentFolders.isDisjoint(with: file.folders) {
            for literal in SwiftLiterals(file.lines.joined(separator: "\n")).found { add(literal) }
        }
    }

    private mutating func add(_ literal: SwiftLiteral) {
        guard literal.text.wholeMatch(of: #/[a-z][a-z0-9*]*(_[a-z0-9*]+)*/#) != nil else { return }
        if literal.call == "AppError" {
            if literal.label.isEmpty, literal.argument < 2 { answers.insert(literal.text) }
        } else if Self.isFailure(literal) {
            failures.insert(literal.text)
        }
    }

    /// A full stop divides words here.
    private static var assignment: Regex<Substring> {
        #/\b(?:code|\w+Code)\b.*(?: = |\{ |\?\? ?)/#.wordBoundaryKind(.simple)
    }

    private static func isFailure(_ literal: SwiftLiteral) -> Bool {
        if literal.label == "code" || literal.label.hasSuffix("Code") { return true }
        if failingCases.contains(literal.previousCase) { return true }
        // `let code = isBig ? "..." : "..."`, but no key of `CodingKeys`.
        return literal.call.isEmpty && literal.prefix.contains(assignment)
            && !literal.prefix.contains(#/^ *case \w+ = $/#)
    }

    /// The raw values of an enum of strings in a file.
    static func cases(of name: String, in file: SourceFile) -> Set<String> {
        guard let start = file.lines.firstIndex(where: { $0.contains("enum \(name): String") }) else {
            return []
        }
        let indentation = file.lines[start].prefix { $0 == " " }
        let body = file.lines[(start + 1)...].prefix { $0 != indentation + "}" }
        let cases = body.filter { $0.hasPrefix(indentation + "    case ") }
        return Set(
            cases.flatMap { line in
                line.split(separator: "case ", maxSplits: 1).last!.split(separator: ", ").map { one in
                    one.firstMatch(of: #/ = "(.+)"/#).map { String($0.output.1) } ?? String(one)
                }
            })
    }
}
