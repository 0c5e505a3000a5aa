import Foundation
import TestSupport
import Testing

/// What the documents name exists.
@Suite struct DocumentTests {
    private static let documents = MarkdownFile.all

    @Test func everyLinkLeadsToAFileAndAHeading() {
        #expect(Self.documents.count > 20)
        let findings = Self.documents.flatMap { brokenLinks(of: $0, among: Self.documents) }
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    @Test func everyDocumentCanBeReachedFromTheReadme() {
        var reached: Set<String> = []
        var next = ["README.md"]
        while let path = next.popLast() {
            guard reached.insert(path).inserted, let file = Self.documents.first(where: { $0.path == path })
            else { continue }
            next += file.links.map { file.target($0).path }
                .map { MarkdownFile.isFolder("\(packageRoot)/\($0)") ? "\($0)/README.md" : $0 }
        }
        let lost = Self.documents.map(\.path).filter { !reached.contains($0) && $0.hasPrefix("docs/") }
        #expect(lost.isEmpty, "\(lost.joined(separator: "\n"))")
    }

    @Test func everyTestThatIsNamedExists() {
        let tests = SourceFile.all(under: ["Tests"]).filter(\.isSwift)
        let known = Set(
            tests.flatMap { file in
                file.lines.compactMap {
                    $0.firstMatch(of: #/\b(?:struct|class|enum) (\w+Tests)\b/#)?.output.1
                }
            } + tests.flatMap(\.folders).map { $0[...] })
        #expect(known.contains("DocumentTests") && known.contains("TidyTests"))
        let findings = names(#/`(\w+Tests)`/#).filter { !known.contains($0.name[...]) }
        #expect(findings.isEmpty, "\(findings.map(\.description).joined(separator: "\n"))")
    }

    /// Somewhere in what could read it. A socket's options are none of ours.
    @Test func everyVariableThatIsNamedExists() {
        let readers = SourceFile.all(under: ["Sources", "Tests", "scripts", "userdata", "deploy"])
            .map { $0.lines.joined(separator: "\n") }
        let used = names(#/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/#).filter {
            !$0.name.hasPrefix("SO_")
        }
        #expect(used.count > 50)
        let unknown = readers.reduce(into: Set(used.map(\.name))) { left, text in
            left = left.filter { !text.contains($0) }
        }
        let findings = used.filter { unknown.contains($0.name) }
        #expect(findings.isEmpty, "\(findings.map(\.description).joined(separator: "\n"))")
    }

    /// `:slug` and `{slug}` are the same; `/cp/orgs/...` is many.
    @Test func everyRouteThatIsNamedIsServed() throws {
        struct Document: Decodable { var paths: [String: [String: Ignored]] }
        struct Ignored: Decodable { init(from decoder: any Decoder) {} }
        let data = try Data(contentsOf: URL(filePath: "\(packageRoot)/docs/openapi.json"))
        let served = Set(try JSONDecoder().decode(Document.self, from: data).paths.keys.map(pattern))
        let used = names(#/`(?:(?:GET|POST|PUT|PATCH|DELETE) )?(\/cp\/[A-Za-z0-9_:{}\/.-]*)/#)
        #expect(used.count > 50)
        let findings = used.filter { route in
            let isWhole = !route.name.hasSuffix("/") && !route.name.hasSuffix("/...")
            return isWhole && !served.contains(pattern(route.name))
        }
        #expect(findings.isEmpty, "\(findings.map(\.description).joined(separator: "\n"))")
    }

    private func pattern(_ path: String) -> String {
        path.split(separator: "/").map { $0.hasPrefix(":") || $0.hasPrefix("{") ? "*" : $0 }
            .joined(separator: "/")
    }

    private struct Name: CustomStringConvertible {
        var path: String
        var name: String
        var description: String { "\(path): \(name)" }
    }

    private func names(_ expression: some RegexComponent<(Substring, Substring)>) -> [Name] {
        Self.documents.flatMap { file in
            file.lines.flatMap { line in
                line.matches(of: expression).map { Name(path: file.path, name: String($0.output.1)) }
            }
        }
    }
}

private func brokenLinks(of file: MarkdownFile, among all: [MarkdownFile]) -> [String] {
    file.links.compactMap { link in
        let (path, anchor) = file.target(link)
        guard FileManager.default.fileExists(atPath: "\(packageRoot)/\(path)") else {
            return "\(file.path): \(link) leads to no file"
        }
        guard let anchor else { return nil }
        let anchors = all.first { $0.path == path }?.anchors ?? []
        return anchors.contains(anchor) ? nil : "\(file.path): \(link) leads to no heading"
    }
}

/// Broken links are found, and sound ones are not.
@Suite struct MarkdownTests {
    private let file = MarkdownFile(
        path: "docs/a.md",
        text: """
            # One `two`, three
            ## One
            ## One
            ```
            # no heading
            [no](link.md)
            ```
            [here](#one-1) [there](../README.md) [code]: `[not](a.md)` [away](https://example.org/x)
            | `first`, `second` | rest |
            """)

    @Test func headingsBecomeAnchors() {
        #expect(file.anchors == ["one-two-three", "one", "one-1"])
    }

    @Test func onlyLinksWithinTheRepositoryCount() {
        #expect(file.links == ["#one-1", "../README.md"])
        #expect(file.target("../README.md#x").path == "README.md")
        #expect(file.target("#one-1").path == "docs/a.md")
    }

    @Test(arguments: [("#one-1", 0), ("#two", 1), ("../README.md", 0), ("missing.md", 1), ("#no-heading", 1)])
    func aBrokenLinkIsFound(link: String, count: Int) {
        let linking = MarkdownFile(path: "docs/security.md", text: "## One\n## One\n[x](\(link))\n")
        #expect(brokenLinks(of: linking, among: [linking]).count == count)
    }

    @Test func theFirstCellsOfASectionAreRead() {
        #expect(file.firstCells(of: "One").isEmpty)
        let table = MarkdownFile(
            path: "a.md", text: "## A\n| `b`, `c` | `d` |\n### B\n| `e` | |\n## C\n| `f` | |")
        #expect(table.firstCells(of: "A") == ["b", "c", "e"])
    }
}
