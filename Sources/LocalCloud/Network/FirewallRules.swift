import Logging

/// The host's packet rules that make 169.254.169.254 answer instances, and only there.
///
/// Each rule carries the cloud's name in a comment, so that leftovers of a run that was killed are found.
struct FirewallRules: Sendable {
    private static let metadataAddress = "169.254.169.254/32"
    private static let linkLocal = "169.254.0.0/16"

    private let bridge: String
    private let destination: String
    private let comment: String
    private let logger: Logger

    /// - Precondition: the metadata port is fixed; the kernel's choice is not known yet.
    init(_ settings: Settings) {
        bridge = settings.bridge
        destination = "\(settings.bridgeAddress):\(settings.ports.metadata)"
        comment = "localcloud \(settings.name)"
        logger = settings.logger
    }

    func install() async throws {
        await remove()
        try await iptables(
            ["-t", "nat", "-I", "PREROUTING", "1", "-i", bridge, "-d", Self.metadataAddress, "-p", "tcp"]
                + ["--dport", "80"] + mark + ["-j", "DNAT", "--to-destination", destination])
        let chain = await exists("DOCKER-USER") ? "DOCKER-USER" : "FORWARD"
        try await iptables(
            ["-I", chain, "1", "-i", bridge, "-d", Self.linkLocal] + mark + ["-j", "REJECT"])
    }

    /// Removes every rule with this cloud's comment.
    func remove() async {
        for table in ["nat", "filter"] {
            guard let listing = try? await ProcessRunner.run("iptables", ["-w", "-t", table, "-S"]) else {
                continue
            }
            for line in listing.output.split(separator: "\n") where line.contains("\"\(comment)\"") {
                let words = Self.words(String(line))
                guard words.first == "-A" else { continue }
                let result = try? await ProcessRunner.run(
                    "iptables", ["-w", "-t", table, "-D"] + words.dropFirst())
                if result?.status != 0 { logger.warning("a packet rule was not removed") }
            }
        }
    }

    private var mark: [String] { ["-m", "comment", "--comment", comment] }

    private func exists(_ chain: String) async -> Bool {
        (try? await ProcessRunner.run("iptables", ["-w", "-S", chain]))?.status == 0
    }

    private func iptables(_ arguments: [String]) async throws {
        _ = try await ProcessRunner.check("iptables", ["-w"] + arguments)
    }

    /// The words of a rule as iptables lists it: only the comment is quoted.
    private static func words(_ line: String) -> [String] {
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.enumerated().flatMap { index, part in
            index.isMultiple(of: 2) ? part.split(separator: " ").map(String.init) : [String(part)]
        }
    }
}
