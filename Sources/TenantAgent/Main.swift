import Glibc
import TenantProtocol

let agentVersion = "0.1.0"

/// The tenant's agent: boots the stack of one instance and replaces its parts.
@main
enum Main {
    static func main() async {
        let command: Command
        do {
            command = try Command.parse(Array(CommandLine.arguments.dropFirst()))
        } catch {
            log(error.message)
            log(Command.usage)
            exit(EX_USAGE)
        }
        do {
            exit(try await run(command))
        } catch {
            let failure = StageFailure(error)
            log("\(failure)")
            exit(failure.isFinal ? EX_CONFIG : EXIT_FAILURE)
        }
    }

    private static func run(_ command: Command) async throws -> Int32 {
        let installation = Installation()
        let docker = DockerEngine()
        switch command {
        case .boot:
            try await boot(installation, docker)
        case .redeploy(let order):
            let report = await Redeploy(installation: installation, docker: docker, order: order).run()
            output(String(decoding: try encoded(report), as: UTF8.self))
            return report.exitStatus
        case .refresh:
            let order = RedeployOrder(.configuration)
            let report = await Redeploy(installation: installation, docker: docker, order: order).run()
            output(report.outcome == .updated ? "changed" : report.outcome.rawValue)
            return report.exitStatus
        case .observe:
            let observation = try await Observer(installation: installation, docker: docker).observe()
            output(String(decoding: try encoded(observation), as: UTF8.self))
        case .status(let json):
            let status = try await Status.gather(installation, docker)
            output(
                json
                    ? String(decoding: try encoded(status), as: UTF8.self)
                    : status.lines.joined(separator: "\n"))
            return status.isHealthy ? EXIT_SUCCESS : EXIT_FAILURE
        case .version: output(agentVersion)
        case .help: output(Command.usage)
        }
        return EXIT_SUCCESS
    }

    /// Boots and then stays, to start again what stops. systemd starts it anew after a failure.
    private static func boot(_ installation: Installation, _ docker: DockerEngine) async throws {
        let boot = try Boot(installation, docker: docker, metadata: InstanceMetadata())
        do {
            try await boot.run()
        } catch {
            await boot.reporter.drain(upTo: .seconds(15))
            throw error
        }
        let shipping = try SpoolShipping(installation)
        async let shipped: Void? = shipping?.run()
        try await Supervision(installation: installation, docker: docker).run()
        _ = await shipped
    }

    private static func output(_ text: String) {
        print(text)
        fflush(nil)
    }
}
