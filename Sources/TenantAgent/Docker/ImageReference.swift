/// `[registry/]name[:tag][@sha256:<64 hex>]`, checked so strictly that it needs no escaping in a URL.
struct ImageReference: Sendable, Equatable, CustomStringConvertible {
    /// With the registry, without tag and digest.
    let repository: String
    let tag: String?
    /// `sha256:` and 64 hexadecimal digits.
    let digest: String?
    let description: String

    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 512, text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        var name = Substring(text)
        if let at = name.firstIndex(of: "@") {
            let digest = String(name[name.index(after: at)...])
            guard Self.isDigest(digest) else { return nil }
            self.digest = digest
            name = name[..<at]
        } else {
            digest = nil
        }
        // A colon before the last slash belongs to the registry's port.
        let lastPart = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        if let colon = name[lastPart...].firstIndex(of: ":") {
            tag = String(name[name.index(after: colon)...])
            name = name[..<colon]
        } else {
            tag = nil
        }
        guard !name.isEmpty, tag != "", !name.hasPrefix("/"), !name.hasSuffix("/") else { return nil }
        repository = String(name)
        description = text
    }

    /// What the Engine's `fromImage` and `tag` want: a digest stands in the tag's place and wins.
    var pullTag: String { digest ?? tag ?? "latest" }

    /// `host[:port]`, `docker.io` where the reference names none.
    var registry: String {
        let first = String(repository.prefix { $0 != "/" })
        let isHost =
            first != repository && (first.contains(".") || first.contains(":") || first == "localhost")
        return isHost ? first : "docker.io"
    }

    /// Where that registry answers.
    var registryAddress: String { registry == "docker.io" ? "registry-1.docker.io" : registry }

    /// The repository without its registry.
    var path: String {
        guard registry == "docker.io" else { return String(repository.dropFirst(registry.utf8.count + 1)) }
        let name = repository.hasPrefix("docker.io/") ? String(repository.dropFirst(10)) : repository
        return name.contains("/") ? name : "library/\(name)"
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "._-/:@".utf8.contains(byte)
        }
    }

    private static func isDigest(_ text: String) -> Bool {
        text.hasPrefix("sha256:") && text.utf8.count == 71
            && text.utf8.dropFirst(7).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
