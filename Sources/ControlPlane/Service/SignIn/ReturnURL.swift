import AdminProtocol
import WireText

/// Where a browser may be sent after signing in or out: https on the platform's own domains, and nowhere
/// else.
///
/// Read as the strictest reader would: what a browser, a proxy and a library could each understand
/// differently is refused, instead of being repaired.
struct ReturnURLs: Sendable {
    /// Longest that is taken, in characters.
    static let maximumLength = 2_048

    /// Each with every host below it.
    let domains: Set<String>
    /// The platform's own host, as browsers reach it.
    let ownHost: String
    /// Beside 443.
    let ports: Set<String>
    /// Where a browser goes that names no place.
    let fallback: String

    /// - Throws: `invalid_return_to` (400).
    func checked(_ text: String?) throws -> String {
        guard let text else { return fallback }
        guard allows(text) else {
            throw AppError.invalidField(
                "return_to", "The parameter \"return_to\" is an https URL on one of the platform's domains.")
        }
        return text
    }

    func allows(_ text: String) -> Bool {
        guard text.utf8.count <= Self.maximumLength, text.hasPrefix("https://"),
            text.utf8.allSatisfy(Self.isOfURL), Self.escapesAreHarmless(text)
        else { return false }
        let rest = text.dropFirst("https://".count)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let path = rest[end...].prefix { $0 != "?" && $0 != "#" }
        return allows(authority: rest[..<end]) && !Self.hidesHost(path)
    }

    private func allows(authority: Substring) -> Bool {
        let halves = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = halves.first, Hostname.isWellFormed(host) else { return false }
        if halves.count == 2, halves[1] != "443", !ports.contains(String(halves[1])) { return false }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard !labels.contains(where: \.isEmpty) else { return false }
        return host == ownHost || domains.contains { Hostname.isWithin(host, $0) }
    }

    /// RFC 3986, section 2, without `@`, which only a user's name in front of the host needs, and `\`, which
    /// browsers read as `/`.
    private static let ofURL = Set(
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + "-._~:/?#[]!$&'()*+,;=%").utf8)

    private static func isOfURL(_ byte: UInt8) -> Bool { ofURL.contains(byte) }

    /// Whole escapes only, and none of a control character, a backslash, or another escape's sign.
    private static func escapesAreHarmless(_ text: String) -> Bool {
        text.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { rest in
            let digits = rest.utf8.prefix(2)
            guard digits.count == 2, let value = UInt8(String(Substring(digits)), radix: 16),
                digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
            else { return false }
            return value >= 0x20 && ![0x25, 0x5c, 0x7f].contains(value)
        }
    }

    /// A page that goes on to `location.pathname` would take `//other.example` for a host.
    private static func hidesHost(_ path: Substring) -> Bool {
        let lowered = path.lowercased()
        return lowered.hasPrefix("//") || lowered.hasPrefix("/%2f")
    }
}
