import Foundation

/// What a `spool-process` noted of the events that it recorded.
package struct SpoolJournal: Sendable {
    package private(set) var attempted: Set<Substring> = []
    /// Answered to whoever recorded them.
    package private(set) var kept: Set<Substring> = []

    package init(path: String) throws {
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("+ ") { attempted.insert(line.dropFirst(2)) }
            if line.hasPrefix("= ") { kept.insert(line.dropFirst(2)) }
        }
    }
}
