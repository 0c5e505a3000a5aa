import Testing

/// docs/operations/error-codes.md has every code that the sources can give, and no other.
@Suite struct ErrorCodeTests {
    private static let sources = SourceFile.all(under: ["Sources"]).filter(\.isSwift)
    private static let index = MarkdownFile.all.first { $0.path == "docs/operations/error-codes.md" }

    private func files(of targets: [String]) -> [SourceFile] {
        Self.sources.filter { file in targets.contains { file.path.hasPrefix("Sources/\($0)/") } }
    }

    @Test func everyAnswerAndEveryFailureIsInTheIndex() throws {
        let codes = ErrorCodes(files(of: ["AdminProtocol", "ControlPlane", "Workflows"]))
        try expect("Answers of the API", lists: codes.answers, atLeast: 90)
        try expect("Why something failed", lists: codes.failures, atLeast: 30)
    }

    @Test(arguments: [
        ("What an instance reports", "FailureCode", "BootStage.swift", 16),
        ("What the reconciler finds", "Code", "Finding.swift", 9),
        ("Why a rollout skips a tenant", "Reason", "RolloutPlan.swift", 5),
        ("Why usage was not counted", "SetAsideReason", "SetAsideReason.swift", 8),
        ("What the audit log's verification finds", "Kind", "ChainFinding.swift", 8),
    ])
    func everyCaseIsInTheIndex(section: String, name: String, file: String, count: Int) throws {
        let declaring = Self.sources.filter { $0.path.hasSuffix("/\(file)") }
        let found = Set(declaring.flatMap { ErrorCodes.cases(of: name, in: $0) })
        try expect(section, lists: found, atLeast: count)
    }

    /// - Parameter count: fewer mean that the sources are written otherwise than this test reads them.
    private func expect(
        _ section: String, lists codes: Set<String>, atLeast count: Int,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(codes.count >= count, "only \(codes.sorted())", sourceLocation: location)
        let listed = try #require(Self.index).firstCells(of: section)
        #expect(Set(listed).count == listed.count, "listed twice in \(section)", sourceLocation: location)
        let (missing, gone) = (codes.subtracting(listed), Set(listed).subtracting(codes))
        #expect(missing.isEmpty, "not in \(section): \(missing.sorted())", sourceLocation: location)
        #expect(gone.isEmpty, "in \(section) and in no source: \(gone.sorted())", sourceLocation: location)
    }
}

/// Codes are found as the house writes them, and other literals are not taken for codes.
@Suite struct ErrorCodeRuleTests {
    private func codes(_ text: String, path: String = "Sources/A/B.swift") -> ErrorCodes {
        ErrorCodes([SourceFile(path: path, text: text)])
    }

    @Test(arguments: [
        ("AppError(.conflict, \"a_b\", \"A sentence.\", members: [\"c\": \"d\"])", "a_b"),
        ("AppError(\n    .conflict, \"a_b\",\n    \"c\\(d(\"e\"))\")", "a_b"),
        ("AppError(.invalid, \"a_\\(b.replacing(\" \", with: \"_\"))_c\", d)", "a_*_c"),
    ])
    func anAnswerIsFound(text: String, code: String) {
        #expect(codes(text).answers == [code])
        #expect(codes(text).failures.isEmpty)
        #expect(codes(text, path: "Sources/A/OpenAPI/B.swift").answers.isEmpty)
    }

    @Test(arguments: [
        ("throw PermanentFailure(\n    code: \"a_b\", message: \"c\")", ["a_b"]),
        ("static let someCode = \"a\"", ["a"]), ("consequence.code = \"a_b\"", ["a_b"]),
        ("let code = isBig ? \"a\" : \"b\"", ["a", "b"]),
        ("var aCode: String { isBig ? \"a\" : \"b\" }", ["a", "b"]),
        ("set(id, code: isWhole ? nil : \"a\", reason: \"b\")", ["a"]),
        ("default: report?.code?.rawValue ?? (report == nil ? \"a\" : \"b\")", ["a", "b"]),
        ("close(context, .failed, \"a_b\", \"c\")", ["a_b"]), ("Judgement(.unhealthy, \"a\", b)", ["a"]),
        ("(error.status, error.code) = (nil, \"a\")", ["a"]),
    ])
    func aFailureIsFound(text: String, expected: [String]) {
        #expect(codes(text).failures == Set(expected))
    }

    @Test(arguments: [
        "case errorCode = \"error_code\"", "code = try row[\"code\", as: String.self]",
        "if error.code == \"a\" { b() }", "guard let code = request.text(\"code\") else { return }",
        "try container.encode(isOld ? \"a\" : \"b\", forKey: .c)", "// code = \"a\"",
        "let a = try JSONDecoder().decode(b, from: c ?? \"null\")", "let sql = \"\"\"\ncode = \"a\"\n\"\"\"",
    ])
    func anotherLiteralIsNoCode(text: String) {
        #expect(codes(text).failures.isEmpty && codes(text).answers.isEmpty)
    }

    @Test func theCasesOfAnEnumAreRead() {
        let text = """
            struct A {
                enum Code: String, Sendable {
                    case one, two
                    /// case three
                    case four = "fo_ur"

                    var isGood: Bool { true }
                }
                case five
            }
            """
        let file = SourceFile(path: "a.swift", text: text)
        #expect(ErrorCodes.cases(of: "Code", in: file) == ["one", "two", "fo_ur"])
    }
}
