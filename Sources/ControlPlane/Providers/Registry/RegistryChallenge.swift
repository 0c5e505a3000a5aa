/// One challenge of a `WWW-Authenticate` header: `Bearer realm="...",service="...",scope="..."`.
/// Source: RFC 9110, section 11.6.1; distribution's "Token Authentication Specification".
struct RegistryChallenge: Sendable, Equatable {
    /// Lower-case.
    var scheme: String
    /// By lower-case name.
    var parameters: [String: String] = [:]

    /// All challenges of one header value, in order. What cannot be read is left out.
    static func parse(_ header: String) -> [RegistryChallenge] {
        var challenges: [RegistryChallenge] = []
        for part in parts(of: header) {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let words = halves[0].split(separator: " ")
            // `Scheme name="value"` begins a challenge, and so does a scheme without parameters.
            let begins = words.count == 2 || halves.count == 1
            if begins, let scheme = words.first {
                challenges.append(RegistryChallenge(scheme: scheme.lowercased()))
            }
            guard halves.count == 2, let name = words.last, !challenges.isEmpty else { continue }
            challenges[challenges.count - 1].parameters[name.lowercased()] = unquoted(halves[1])
        }
        return challenges
    }

    /// Split at the commas that stand outside of quotes.
    private static func parts(of header: String) -> [String] {
        var parts = [""]
        var isQuoted = false
        var isEscaped = false
        for character in header {
            if character == ",", !isQuoted {
                parts.append("")
                continue
            }
            parts[parts.count - 1].append(character)
            if character == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = character == "\\" && !isEscaped
        }
        return parts
    }

    private static func unquoted(_ text: Substring) -> String {
        let value = text.trimming(" ")
        guard value.count >= 2, value.first == "\"", value.last == "\"" else { return String(value) }
        var result = ""
        var isEscaped = false
        for character in value.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
                continue
            }
            result.append(character)
            isEscaped = false
        }
        return result
    }
}

extension Substring {
    fileprivate func trimming(_ character: Character) -> Substring {
        var copy = self
        while copy.first == character { copy.removeFirst() }
        while copy.last == character { copy.removeLast() }
        return copy
    }
}
