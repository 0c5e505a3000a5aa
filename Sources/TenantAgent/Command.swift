/// What was asked on the command line. Parsed by hand: an argument parser would bring as much again as
/// the whole agent.
enum Command: Equatable, Sendable {
    case boot
    case redeploy(RedeployOrder)
    case refresh
    case observe
    case status(json: Bool)
    case version
    case help

    static let usage = """
        usage: tenant-agent boot
               tenant-agent redeploy --image REF@sha256:DIGEST [--service NAME] [--deadline SECONDS]
                                     [--drain SECONDS] [--id ID] [--dry-run]
               tenant-agent redeploy --refresh [--deadline SECONDS] [--drain SECONDS] [--id ID]
               tenant-agent refresh
               tenant-agent observe
               tenant-agent status [--json]
               tenant-agent version
        NAME: tenant (default), memory-plugin, redis, postgres, cloudflared.
        --deadline: 1 to 1800, default 90. --drain: 0 to 300, default 30.
        --id: 1 to 100 of A-Z a-z 0-9 . _ : -; what was done under it is not done again.
        """

    struct UsageError: Error, Equatable {
        var message: String
    }

    /// - Parameter arguments: without the program's name
    static func parse(_ arguments: [String]) throws(UsageError) -> Command {
        guard let name = arguments.first else { return .help }
        var options = CommandOptions(Array(arguments.dropFirst()))
        let command: Command
        switch name {
        case "boot": command = .boot
        case "refresh": command = .refresh
        case "observe": command = .observe
        case "version", "--version": command = .version
        case "help", "--help", "-h": command = .help
        case "status": command = .status(json: options.takeFlag("--json"))
        case "redeploy": command = .redeploy(try RedeployOrder(&options))
        default: throw UsageError(message: "unknown command")
        }
        if !options.rest.isEmpty { throw UsageError(message: "unknown argument") }
        return command
    }
}

extension RedeployOrder {
    fileprivate init(_ options: inout CommandOptions) throws(Command.UsageError) {
        let service = try options.takeValue("--service")
        if options.takeFlag("--refresh") {
            guard service == nil else { throw Command.UsageError(message: "--refresh takes no --service") }
            self.init(.configuration)
        } else {
            guard let image = try options.takeValue("--image") else {
                throw Command.UsageError(message: "--image is missing")
            }
            guard let name = ServiceName(rawValue: service ?? ServiceName.tenant.rawValue) else {
                throw Command.UsageError(message: "unknown service")
            }
            self.init(.image(image, of: name))
            isDryRun = options.takeFlag("--dry-run")
        }
        deadlineSeconds =
            try options.takeNumber("--deadline", Self.deadlineRange) ?? Self.defaultDeadlineSeconds
        drainSeconds = try options.takeNumber("--drain", Self.drainRange) ?? Self.defaultDrainSeconds
        id = try options.takeValue("--id")
        if let id, !Self.isID(id) {
            throw Command.UsageError(message: "--id is not 1 to 100 of A-Z a-z 0-9 . _ : -")
        }
    }
}

/// `--name value` and `--name=value`
struct CommandOptions {
    private(set) var rest: [String]

    init(_ arguments: [String]) { rest = arguments }

    mutating func takeFlag(_ name: String) -> Bool {
        guard let index = rest.firstIndex(of: name) else { return false }
        rest.remove(at: index)
        return true
    }

    mutating func takeValue(_ name: String) throws(Command.UsageError) -> String? {
        if let index = rest.firstIndex(where: { $0.hasPrefix(name + "=") }) {
            return String(rest.remove(at: index).dropFirst(name.count + 1))
        }
        guard let index = rest.firstIndex(of: name) else { return nil }
        guard index + 1 < rest.count else { throw Command.UsageError(message: "\(name) has no value") }
        rest.remove(at: index)
        return rest.remove(at: index)
    }

    mutating func takeNumber(
        _ name: String, _ range: ClosedRange<Int>
    ) throws(Command.UsageError) -> Int? {
        guard let text = try takeValue(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw Command.UsageError(
                message: "\(name) is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}
