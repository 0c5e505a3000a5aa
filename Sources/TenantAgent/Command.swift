/// What was asked on the command line. Parsed by hand: an argument parser would bring as much again as
/// the whole agent.
enum Command: Equatable, Sendable {
    case boot
    case redeploy(service: ServiceName, image: String, deadlineSeconds: Int)
    case refresh
    case status(json: Bool)
    case version
    case help

    static let usage = """
        usage: tenant-agent boot
               tenant-agent redeploy --image REF@sha256:DIGEST [--service NAME] [--deadline SECONDS]
               tenant-agent refresh
               tenant-agent status [--json]
               tenant-agent version
        NAME: tenant (default), memory-plugin, redis, cloudflared. SECONDS: 1 to 1800 (default 90).
        """

    struct UsageError: Error, Equatable {
        var message: String
    }

    /// - Parameter arguments: without the program's name
    static func parse(_ arguments: [String]) throws(UsageError) -> Command {
        guard let name = arguments.first else { return .help }
        var options = Options(Array(arguments.dropFirst()))
        let command: Command
        switch name {
        case "boot": command = .boot
        case "refresh": command = .refresh
        case "version", "--version": command = .version
        case "help", "--help", "-h": command = .help
        case "status": command = .status(json: options.takeFlag("--json"))
        case "redeploy": command = try redeploy(&options)
        default: throw UsageError(message: "unknown command")
        }
        if !options.rest.isEmpty { throw UsageError(message: "unknown argument") }
        return command
    }

    private static func redeploy(_ options: inout Options) throws(UsageError) -> Command {
        guard let image = try options.takeValue("--image") else {
            throw UsageError(message: "--image is missing")
        }
        let name = try options.takeValue("--service") ?? ServiceName.tenant.rawValue
        guard let service = ServiceName(rawValue: name) else { throw UsageError(message: "unknown service") }
        var seconds = Redeploy.defaultDeadlineSeconds
        if let text = try options.takeValue("--deadline") {
            guard let value = Int(text), Redeploy.deadlineSeconds.contains(value) else {
                throw UsageError(message: "--deadline is not a number from 1 to 1800")
            }
            seconds = value
        }
        return .redeploy(service: service, image: image, deadlineSeconds: seconds)
    }

    /// `--name value` and `--name=value`
    private struct Options {
        var rest: [String]

        init(_ arguments: [String]) { rest = arguments }

        mutating func takeFlag(_ name: String) -> Bool {
            guard let index = rest.firstIndex(of: name) else { return false }
            rest.remove(at: index)
            return true
        }

        mutating func takeValue(_ name: String) throws(UsageError) -> String? {
            if let index = rest.firstIndex(where: { $0.hasPrefix(name + "=") }) {
                return String(rest.remove(at: index).dropFirst(name.count + 1))
            }
            guard let index = rest.firstIndex(of: name) else { return nil }
            guard index + 1 < rest.count else { throw UsageError(message: "\(name) has no value") }
            rest.remove(at: index)
            return rest.remove(at: index)
        }
    }
}
