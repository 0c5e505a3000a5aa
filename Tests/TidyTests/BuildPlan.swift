import Foundation

/// What these tests were built from, by the plan that SwiftPM wrote for the build. Neither SwiftPM nor a
/// network is asked. Package.resolved would not do: it also pins packages of which nothing is built.
struct BuildPlan {
    /// What every node is made from: files, and `<names>` that stand for several.
    private var inputs: [String: [String]] = [:]
    /// What is built of each target of the plan, such as `test`.
    private var targets: [String: [String]] = [:]

    /// Of the program that runs: its folder is named after its configuration, and the plan lies two above it.
    static func ofThisBuild() throws -> BuildPlan {
        let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let build = folder.deletingLastPathComponent().deletingLastPathComponent()
        let file = build.appending(path: folder.lastPathComponent + ".yaml")
        return BuildPlan(try String(contentsOf: file, encoding: .utf8))
    }

    /// - Parameter text: a manifest of llbuild's, as SwiftPM writes it: lists stand on one line, as JSON.
    init(_ text: String) {
        var given: [String] = []
        var isListOfTargets = false
        for line in text.split(separator: "\n") {
            if !line.hasPrefix(" ") { isListOfTargets = line == "targets:" }
            if line.hasPrefix("    inputs: ") {
                given = Self.list(line.dropFirst(12))
            } else if line.hasPrefix("    outputs: ") {
                for output in Self.list(line.dropFirst(13)) { inputs[output, default: []] += given }
            } else if isListOfTargets, let colon = line.firstRange(of: ": [") {
                let name = line[..<colon.lowerBound].filter { $0 != " " && $0 != "\"" }
                targets[name] = Self.list(line[line.index(after: colon.lowerBound)...])
            }
        }
    }

    private static func list(_ text: Substring) -> [String] {
        (try? JSONDecoder().decode([String].self, from: Data(text.utf8))) ?? []
    }

    /// The packages, by the names of their checkouts, of which a target needs a file.
    func packages(of target: String) -> Set<String> {
        var seen: Set<String> = []
        var open = targets[target] ?? []
        while let node = open.popLast() {
            if seen.insert(node).inserted { open += inputs[node] ?? [] }
        }
        return Set(seen.compactMap(Self.package))
    }

    private static func package(of path: String) -> String? {
        guard let start = path.firstRange(of: "/checkouts/")?.upperBound else { return nil }
        return String(path[start...].prefix { $0 != "/" })
    }
}
