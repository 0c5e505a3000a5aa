import Digests

/// `registry/repository:tag@sha256:...`, with or without registry, tag and digest.
package struct ImageReference: Sendable, Equatable {
    package var registry: String?
    package var repository: String
    package var tag: String?
    package var digest: String?

    package init(registry: String? = nil, repository: String, tag: String? = nil, digest: String? = nil) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    package init(_ text: String) {
        var rest = Substring(text)
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        if let slash = rest.firstIndex(of: "/"), Self.isHost(rest[..<slash]) {
            registry = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        if let colon = rest.lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        repository = String(rest)
    }

    /// The first component names a registry when it cannot be a folder: it has a dot, a port, or is
    /// localhost.
    private static func isHost(_ component: Substring) -> Bool {
        component.contains(".") || component.contains(":") || component == "localhost"
    }

    /// What a container runtime pulls: by digest, without the tag.
    package var pinned: String {
        let path = (registry.map { $0 + "/" } ?? "") + repository
        return digest.map { "\(path)@\($0)" } ?? "\(path):\(tag ?? "latest")"
    }

    /// `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`. Source: OCI distribution specification, "Pulling manifests".
    package static func isTag(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (1...128).contains(bytes.count) && bytes[0] != UInt8(ascii: ".")
            && bytes[0] != UInt8(ascii: "-")
            && bytes.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
    }

    /// `sha256:` and 64 lower-case hexadecimal digits.
    package static func isDigest(_ text: String) -> Bool {
        text.hasPrefix("sha256:") && text.utf8.count == 71
            && text.utf8.dropFirst(7).allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
