import FoundationEssentials

extension Variable {
    static let trustedProxies = Variable(
        name: "TRUSTED_PROXIES",
        meaning: "addresses and ranges of the proxies in front, separated by commas, whose X-Forwarded-For "
            + "is believed, as 10.0.0.0/8; none: it never is", fallback: "")
    static let rateLimits = Variable(
        name: "RATE_LIMITS",
        meaning: "requests a minute, where they differ from the standard: JSON, as "
            + "{\"public.address\": 600, \"customers.credential\": 0}; 0: no limit", fallback: "")

    static let traffic = [trustedProxies, rateLimits]
}

extension Configuration {
    /// Who is in front of the service, and how much of what may come.
    struct TrafficSettings: Sendable {
        var proxies: TrustedProxies
        var limits: RateLimits
    }
}

extension Configuration.TrafficSettings {
    init(_ reader: inout EnvironmentReader) {
        proxies = reader.trustedProxies()
        limits = reader.rateLimits()
    }
}

extension EnvironmentReader {
    fileprivate mutating func trustedProxies() -> TrustedProxies {
        guard optional(.trustedProxies) != nil else { return TrustedProxies(ranges: []) }
        let ranges = parse(.trustedProxies, expected: "addresses and ranges, separated by commas") { text in
            let words = text.split(separator: ",").map { $0.filter { $0 != " " } }
            let ranges = words.compactMap { AddressRange($0) }
            return ranges.count == words.count ? ranges : nil
        }
        return TrustedProxies(ranges: ranges ?? [])
    }

    fileprivate mutating func rateLimits() -> RateLimits {
        guard optional(.rateLimits) != nil else { return RateLimits() }
        let expected = "JSON of numbers from 0 by name; names: \(RateLimits.names.sorted())"
        return parse(.rateLimits, expected: expected) { text in
            (try? JSONDecoder().decode([String: Int].self, from: Data(text.utf8)))
                .flatMap { RateLimits(overrides: $0) }
        } ?? RateLimits()
    }
}
