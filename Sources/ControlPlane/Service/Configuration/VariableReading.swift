import Digests
import FoundationEssentials
import Providers
import TenantProtocol
import WireText

/// How the variables that hold more than a word are read.
extension EnvironmentReader {
    /// Shortest accepted secret, in characters.
    static let minimumSecretLength = 32

    mutating func longSecret(_ variable: Variable) -> String {
        let expected = "at least \(Self.minimumSecretLength) characters long"
        return parse(variable, expected: expected) { $0.utf8.count >= Self.minimumSecretLength ? $0 : nil }
            ?? ""
    }

    mutating func address(_ variable: Variable) -> (host: String, port: Int) {
        parse(variable, expected: "host:port") { text in
            guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
                let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
            else { return nil }
            return (String(text[..<colon]), port)
        } ?? ("127.0.0.1", 0)
    }

    package mutating func sha256(_ variable: Variable) -> String {
        parse(variable, expected: "64 lower-case hexadecimal digits") { text in
            [UInt8](hex: text)?.count == SHA256Digest.length ? text : nil
        } ?? ""
    }

    mutating func edgeURL() -> String {
        let template = optional(.edgeURL) ?? "https://{hostname}"
        if !template.contains("{slug}"), !template.contains("{hostname}") {
            note("EDGE_URL: \"\(template)\" contains neither {slug} nor {hostname}.")
        }
        return template
    }

    mutating func authority() -> String? {
        guard let pem = optionalFile(.caFile) else { return nil }
        let limit = Declaration.maximumCertificateAuthorityLength
        if pem.utf8.count > limit { note("CP_CA_FILE: longer than \(limit) bytes; give one certificate.") }
        return pem
    }

    /// A list of origins as browsers send them: scheme, host and port, nothing behind. https, or a loopback
    /// address; never a pattern.
    mutating func origins(_ variable: Variable) -> Set<String> {
        guard optional(variable) != nil else { return [] }
        let expected = "a list of https origins, as https://app.example.com"
        return parse(variable, expected: expected) { text in
            let origins = text.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init)
            return origins.allSatisfy(Self.isOrigin) ? Set(origins) : nil
        } ?? []
    }

    private static func isOrigin(_ text: String) -> Bool {
        let isSafe = text.hasPrefix("https://") || Hostname.isLoopback(url: text)
        let host = text.drop { $0 != "/" }.dropFirst(2)
        let allowed = "abcdefghijklmnopqrstuvwxyz0123456789.-:"
        return isSafe && !host.isEmpty && host.allSatisfy { allowed.contains($0) }
    }

    mutating func platformID() -> String {
        parse(.platformID, expected: "1 to 16 of a-z and 0-9") { text in
            (1...16).contains(text.utf8.count)
                && text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789".utf8.contains($0) }
                ? text : nil
        } ?? ""
    }

    /// The list, or the one place that the single variables name.
    mutating func cloudflarePlaces() -> [CloudflarePlace] {
        guard optional(.cloudflarePlaces) != nil else {
            return [
                CloudflarePlace(
                    accountID: string(.cloudflareAccountID), zoneID: string(.cloudflareZoneID),
                    domain: optional(.tenantDomain) ?? "")
            ]
        }
        return parse(.cloudflarePlaces, expected: "a JSON list of at least one place") { text in
            let places = try? JSONDecoder().decode([CloudflarePlace].self, from: Data(text.utf8))
            return places?.isEmpty == false ? places : nil
        } ?? []
    }

    mutating func providerLimits() -> ProviderLimits {
        guard optional(.providerLimits) != nil else { return ProviderLimits() }
        let expected = "JSON of limits by name; names: \(ProviderLimits.published.keys.sorted())"
        let overrides = parse(.providerLimits, expected: expected) { text in
            let rates = try? JSONDecoder().decode([String: ProviderLimits.Rate].self, from: Data(text.utf8))
            return rates.flatMap { rates in
                rates.allSatisfy {
                    ProviderLimits.published[$0.key] != nil && $0.value.capacity >= 1
                        && $0.value.perSecond > 0
                } ? rates : nil
            }
        }
        return ProviderLimits(overrides: overrides ?? [:])
    }

    /// `plan=days,plan=days`
    mutating func retentionDays() -> [String: Int] {
        parse(.retentionDays, expected: "plan=days, separated by commas, 0 to 3650 days") { text in
            var days: [String: Int] = [:]
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: "=")
                guard parts.count == 2, let number = Int(parts[1]), (0...3_650).contains(number) else {
                    return nil
                }
                days[String(parts[0])] = number
            }
            return days
        } ?? [:]
    }
}
