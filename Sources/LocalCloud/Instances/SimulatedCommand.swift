import TenantProtocol

/// A command line of the tenant's agent, as a simulated instance understands it.
enum SimulatedCommand: Equatable, Sendable {
    struct Redeploy: Equatable, Sendable {
        var image: String
        var service = SimulatedService.tenant
        var id: String?
        var isDryRun = false
    }

    case redeploy(Redeploy)
    /// `redeploy --refresh`, which prints a report.
    case refreshReported(id: String?)
    /// `refresh`, which prints none.
    case refresh
    case observe
    /// What the agent refuses with its usage and EX_USAGE.
    case mistake(String)

    static let usageStatus = 64
    /// Of `--deadline`.
    static let deadlineSeconds = 1...1800

    /// - Returns: nil for what is no command of the agent.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace).map { word in
            word.filter { $0 != "'" && $0 != "\"" }
        }
        guard words.count > 1, words[0].hasSuffix("tenant-agent") else { return nil }
        switch words[1] {
        case "refresh" where words.count == 2: self = .refresh
        case "observe" where words.count == 2: self = .observe
        case "redeploy": self = Self.redeploy(Array(words.dropFirst(2)))
        default: self = .mistake("unknown command")
        }
    }

    private static func redeploy(_ words: [String]) -> SimulatedCommand {
        var values: [String: String] = [:]
        var flags: Set<String> = []
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--refresh", "--dry-run": flags.insert(word)
            case "--image", "--service", "--deadline", "--drain", "--id":
                guard let value = rest.popFirst() else { return .mistake("\(word) has no value") }
                values[word] = value
            default: return .mistake("unknown argument")
            }
        }
        if let deadline = values["--deadline"], !(Int(deadline).map(deadlineSeconds.contains) ?? false) {
            return .mistake("--deadline is not a number from 1 to 1800")
        }
        if let drain = values["--drain"], (Int(drain) ?? -1) < 0 {
            return .mistake("--drain is not a number")
        }
        if flags.contains("--refresh") {
            guard values["--image"] == nil, values["--service"] == nil, !flags.contains("--dry-run") else {
                return .mistake("--refresh is of the image that runs")
            }
            return .refreshReported(id: values["--id"])
        }
        guard let image = values["--image"] else { return .mistake("--image is missing") }
        guard let service = SimulatedService(rawValue: values["--service"] ?? "tenant") else {
            return .mistake("unknown service")
        }
        return .redeploy(
            Redeploy(
                image: image, service: service, id: values["--id"], isDryRun: flags.contains("--dry-run")))
    }
}
