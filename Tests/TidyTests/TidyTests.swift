import Testing

@Suite struct TidyTests {
    static let code = SourceFile.all(under: ["Sources", "Tests"])
    static let shipped = SourceFile.all(under: ["Sources", "userdata", "migrations", "scripts"])
    static let swift = code.filter(\.isSwift)

    @Test func theWholePackageWasRead() {
        #expect(Self.swift.count > 50)
        #expect(Self.shipped.contains { $0.path == "migrations/0001_workflows.sql" })
    }

    @Test func filesHaveAtMost500Lines() { expectNothing(.fileLength, in: Self.swift) }
    @Test func functionsHaveAtMost70Lines() { expectNothing(.functionLength, in: Self.swift) }
    @Test func linesHaveAtMost110Columns() { expectNothing(.lineLength, in: Self.swift) }
    @Test func noFolderIsADrawerForEverything() { expectNothing(.folderNames, in: Self.code) }
    @Test func nothingIsLeftUnfinished() { expectNothing(.unfinishedWork, in: Self.shipped) }
    @Test func onlyTheCWrappersVouchForSendable() { expectNothing(.uncheckedSendable, in: Self.code) }
    @Test func everyRoomImportsOnlyWhatItMay() { expectNothing(.imports, in: Self.code) }

    /// The system's libcrypto and libssl are used. Each of these packages would compile some 350 files of C++
    /// that do the same.
    @Test func nothingThatIsBuiltBringsAnotherCryptography() throws {
        let packages = try BuildPlan.ofThisBuild().packages(of: "test")
        #expect(packages.contains("hummingbird"), "the plan was not read")
        let others = packages.intersection(["jwt-kit", "swift-crypto", "swift-nio-ssl"]).sorted()
        #expect(
            others.isEmpty,
            "\(others.joined(separator: ", ")) is built, with BoringSSL: a target needs a product of it"
        )
    }
}

/// Every rule finds what is planted for it: a rule that cannot fail proves nothing.
@Suite struct RuleTests {
    @Test func aLongFileIsFound() {
        let text = String(repeating: "let a = 1\n", count: 501)
        #expect(Rule.fileLength.findings(SourceFile(path: "a.swift", text: text)).count == 1)
        #expect(
            Rule.fileLength.findings(SourceFile(path: "a.swift", text: String(text.dropFirst(10)))).isEmpty)
    }

    @Test func aLongLineIsFound() {
        let line = String(repeating: "x", count: 111)
        #expect(
            Rule.lineLength.findings(SourceFile(path: "a.swift", text: "\n\(line)\n")) == [
                "a.swift:2: 111 columns, more than 110"
            ])
    }

    @Test(arguments: [
        "func long() {", "init(a: Int) {", "package static func long<A>(\n        a: A\n    ) {",
    ])
    func aLongFunctionIsFound(declaration: String) {
        let body = String(repeating: "        work()\n", count: 70)
        let long = "struct A {\n    \(declaration)\n\(body)    }\n}\n"
        #expect(Rule.functionLength.findings(SourceFile(path: "a.swift", text: long)).count == 1)
        let short = long.replacing(
            String(repeating: "        work()\n", count: 10), with: "", maxReplacements: 1)
        #expect(Rule.functionLength.findings(SourceFile(path: "a.swift", text: short)).isEmpty)
    }

    @Test func manyShortFunctionsAreNoLongOne() {
        let text = "struct A {\n" + String(repeating: "    func a() { work() }\n", count: 100) + "}\n"
        #expect(Rule.functionLength.findings(SourceFile(path: "a.swift", text: text)).isEmpty)
    }

    @Test func aDrawerIsFound() {
        #expect(Rule.folderNames.findings(SourceFile(path: "Sources/A/Helpers/b.swift", text: "")).count == 1)
    }

    @Test(arguments: ["// TODO later", "// FIXME", "# not implemented", "// fine for now."])
    func unfinishedWorkIsFound(line: String) {
        #expect(Rule.unfinishedWork.findings(SourceFile(path: "a", text: line)).count == 1)
    }

    @Test(arguments: ["mktemp /tmp/a.XXXXXX", "let todoList = 1", "wait for nowhere"])
    func otherWordsAreNotUnfinishedWork(line: String) {
        #expect(Rule.unfinishedWork.findings(SourceFile(path: "a", text: line)).isEmpty)
    }

    @Test func vouchingElsewhereIsFound() {
        let text = "final class A: @unchecked Sendable {}"
        #expect(
            Rule.uncheckedSendable.findings(SourceFile(path: "Sources/Workflows/A.swift", text: text)).count
                == 1)
        #expect(
            Rule.uncheckedSendable.findings(SourceFile(path: "Sources/Postgres/A.swift", text: text)).isEmpty)
    }

    @Test func aPackageIsFoundThroughEverythingThatNeedsIt() {
        let plan = BuildPlan(
            """
            targets:
              "test": ["<all>"]
              "main": ["/p/.build/checkouts/other/a.swift"]
            commands:
              "C.Program":
                tool: shell
                inputs: ["/p/Sources/a.swift","/p/.build/debug/b.o"]
                outputs: ["<all>","/p/.build/debug/Program"]
              "b.o":
                tool: clang
                inputs: ["/p/.build/checkouts/needed/b.c"]
                outputs: ["/p/.build/debug/b.o"]
              "c.o":
                tool: clang
                inputs: ["/p/.build/checkouts/planned-only/c.c"]
                outputs: ["/p/.build/debug/c.o"]
            """)
        #expect(plan.packages(of: "test") == ["needed"])
        #expect(plan.packages(of: "main") == ["other"])
    }

    @Test(arguments: [
        ("Sources/Workflows/A.swift", "import CurlHTTP"),
        ("Sources/TenantAgent/A.swift", "    import Postgres"),
        ("Sources/TenantAgent/A.swift", "import Foundation"),
        ("Sources/TenantAgent/A.swift", "import Digests"), ("Sources/TenantSpool/A.swift", "import CCrypto"),
        ("Sources/AWSSigV4/A.swift", "import CCrypto"), ("Sources/WireText/A.swift", "import Digests"),
        ("Sources/ControlPlane/Providers/AWS/A.swift", "package import Workflows"),
        ("Sources/ControlPlane/Providers/AWS/A.swift", "import Fleet"),
        ("Sources/ControlPlane/Fleet/Launch/A.swift", "import Billing"),
        ("Sources/ControlPlane/Billing/Credits/A.swift", "import Hummingbird"),
        ("Sources/ControlPlane/Providers/Cloudflare/A.swift", "@preconcurrency import Postgres"),
    ])
    func aForbiddenImportIsFound(path: String, line: String) {
        #expect(Rule.imports.findings(SourceFile(path: path, text: line)).count == 1)
    }

    @Test(arguments: [
        ("Sources/Workflows/A.swift", "import Postgres"), ("Sources/TenantAgent/A.swift", "import CurlHTTP"),
        ("Sources/ControlPlane/Fleet/Launch/A.swift", "import Workflows"),
        ("Sources/TenantAgent/A.swift", "// import Postgres"),
    ])
    func anAllowedImportIsNot(path: String, line: String) {
        #expect(Rule.imports.findings(SourceFile(path: path, text: line)).isEmpty)
    }
}

private func expectNothing(
    _ rule: Rule, in files: [SourceFile], at location: SourceLocation = #_sourceLocation
) {
    let findings = files.flatMap(rule.findings)
    #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))", sourceLocation: location)
}
