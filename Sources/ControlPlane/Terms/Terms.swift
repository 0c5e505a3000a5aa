import Digests
import FoundationEssentials

/// The terms of service: what people accept before they create an organisation.
struct Terms: Sendable, Equatable {
    /// From the first line of the text, `Version: 2026-11-24`. People accept a version; another one asks them
    /// again.
    var version: String
    var text: String

    static let maximumBytes = 256 << 10
    static let maximumVersionLength = 64

    /// Written down with an acceptance: what exactly was accepted.
    var sha256: String { SHA256Digest(of: text).hex }

    init?(_ text: String) {
        let prefix = "Version: "
        guard text.utf8.count <= Self.maximumBytes, let line = text.split(separator: "\n").first,
            line.hasPrefix(prefix)
        else { return nil }
        let version = line.dropFirst(prefix.count)
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"
        guard (1...Self.maximumVersionLength).contains(version.count), version.allSatisfy(letters.contains)
        else { return nil }
        self.version = String(version)
        self.text = text
    }
}

extension Variable {
    static let termsFile = Variable(
        name: "TERMS_FILE", meaning: "text of the terms of service; its first line is \"Version: <version>\"",
        fallback: "legal/terms.md")
}

extension EnvironmentReader {
    mutating func terms() -> Terms {
        parse(.termsFile, expected: "a readable file of at most 256 KiB that begins with \"Version: \"") {
            (try? String(contentsOfFile: $0, encoding: .utf8)).flatMap { Terms($0) }
        } ?? Terms("Version: none")!
    }
}
