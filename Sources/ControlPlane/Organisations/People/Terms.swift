import Digests
import FoundationEssentials

/// The terms of service: what people accept before they create an organisation.
package struct Terms: Sendable, Equatable {
    /// From the first line of the text, `Version: 2026-11-24`. People accept a version; another one asks them
    /// again.
    package var version: String
    package var text: String

    package static let maximumBytes = 256 << 10
    static let maximumVersionLength = 64

    /// Written down with an acceptance: what exactly was accepted.
    package var sha256: String { SHA256Digest(of: text).hex }

    package init?(_ text: String) {
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
