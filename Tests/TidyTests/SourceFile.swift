import Foundation
import TestSupport

/// A text file of the package, by its path from the root.
struct SourceFile: Sendable {
    let path: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var folders: [String] { path.split(separator: "/").dropLast().map(String.init) }
    var isSwift: Bool { path.hasSuffix(".swift") }

    /// What the Swift file imports, with the line.
    var imports: [(module: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), words.count > keyword + 1 else { return nil }
            guard words[..<keyword].allSatisfy({ $0.hasPrefix("@") || $0 == "package" }) else { return nil }
            return (String(words[keyword + 1].prefix { $0 != "." }), index + 1)
        }
    }

    /// The files under the given folders that git would commit, that is without hidden and built ones.
    static func all(under roots: [String]) -> [SourceFile] {
        roots.flatMap { root -> [SourceFile] in
            let names = FileManager.default.enumerator(atPath: "\(packageRoot)/\(root)/.")?.allObjects ?? []
            return names.compactMap { $0 as? String }.sorted().compactMap { name in
                let hidden = name.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "__pycache__" }
                guard !hidden else { return nil }
                let path = "\(root)/\(name)"
                guard let text = try? String(contentsOfFile: "\(packageRoot)/\(path)", encoding: .utf8) else {
                    return nil
                }
                return SourceFile(path: path, text: text)
            }
        }
    }
}
