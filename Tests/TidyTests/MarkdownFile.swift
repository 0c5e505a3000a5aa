import Foundation
import TestSupport

/// A document of the repository, by its path from the root.
struct MarkdownFile: Sendable {
    let path: String
    /// Without the lines of code blocks.
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        var isCode = false
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
            let isFence = line.trimmingPrefix(while: \.isWhitespace).hasPrefix("```")
            if isFence { isCode.toggle() }
            return isCode || isFence ? nil : String(line)
        }
    }

    /// Every document that git would commit.
    static let all: [MarkdownFile] = {
        let top = (try? FileManager.default.contentsOfDirectory(atPath: packageRoot)) ?? []
        let folders = top.filter { !$0.hasPrefix(".") && isFolder("\(packageRoot)/\($0)") }
        let below = folders.flatMap { folder in
            (FileManager.default.enumerator(atPath: "\(packageRoot)/\(folder)")?.allObjects ?? [])
                .compactMap { $0 as? String }.map { "\(folder)/\($0)" }
        }
        return (top + below).filter { $0.hasSuffix(".md") }.sorted().compactMap { path in
            (try? String(contentsOfFile: "\(packageRoot)/\(path)", encoding: .utf8))
                .map { MarkdownFile(path: path, text: $0) }
        }
    }()

    // MARK: Headings

    /// What a link can end in, as GitHub makes it of each heading: lower case, blanks as hyphens, no
    /// punctuation but hyphens and underscores; a heading that is there already gets a number.
    var anchors: Set<String> {
        var seen: [String: Int] = [:]
        return Set(
            headings.map { heading in
                let plain = heading.lowercased().filter {
                    $0.isLetter || $0.isNumber || "-_ ".contains($0)
                }
                let anchor = plain.replacing(" ", with: "-")
                defer { seen[anchor, default: 0] += 1 }
                return seen[anchor].map { "\(anchor)-\($0)" } ?? anchor
            })
    }

    /// Without the text behind a link's.
    private var headings: [String] {
        lines.compactMap { line in
            line.firstMatch(of: #/^#{1,6} +(.*)$/#).map {
                String($0.output.1).replacing(#/\]\([^)]*\)/#, with: "]")
            }
        }
    }

    /// The lines of a section, as far as the next heading of its rank or a higher one.
    func section(_ heading: String) -> [String] {
        guard let start = lines.firstIndex(where: { $0.drop { $0 == "#" } == " \(heading)" }) else {
            return []
        }
        let rank = lines[start].prefix { $0 == "#" }.count
        return Array(
            lines[(start + 1)...].prefix { line in
                let level = line.prefix { $0 == "#" }.count
                return level == 0 || level > rank
            })
    }

    /// What stands in backticks in the first cell of each row of a section's tables.
    func firstCells(of heading: String) -> [String] {
        section(heading).filter { $0.hasPrefix("| `") }.flatMap { line in
            let cell = line.dropFirst().prefix { $0 != "|" }
            return cell.matches(of: #/`([^`]+)`/#).map { String($0.output.1) }
        }
    }

    // MARK: Links

    /// Targets of links within the repository.
    var links: [String] {
        lines.flatMap { line in
            line.replacing(#/`[^`]*`/#, with: "").matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.output.1) }
        }.filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }

    /// A link's file or folder by its path from the root, and its anchor.
    func target(_ link: String) -> (path: String, anchor: String?) {
        let halves = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let anchor = halves.count == 2 ? String(halves[1]) : nil
        guard !halves[0].isEmpty else { return (path, anchor) }
        let folder = URL(filePath: "/\(path)").deletingLastPathComponent()
        let resolved = folder.appending(path: String(halves[0])).standardized.path
        return (String(resolved.dropFirst()), anchor)
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
