/// Hosts of URLs and origins, as the strictest reader takes them.
package enum Hostname {
    /// Lower case: as every URL of the platform is written.
    package static func isWellFormed(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-.".utf8.contains($0) }
    }

    /// Whether the host is the domain itself, or lies below it.
    package static func isWithin(_ host: some StringProtocol, _ domain: String) -> Bool {
        host == domain || host.hasSuffix("." + domain)
    }

    /// Whether the URL is of this machine, in the clear.
    package static func isLoopback(url: String) -> Bool {
        ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { host in
            url.hasPrefix(host) && url.dropFirst(host.count).first.map { ":/".contains($0) } ?? true
        }
    }
}
