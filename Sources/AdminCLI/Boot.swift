import ArgumentParser
import CurlHTTP
import Foundation

struct Boot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how far a tenant's provisioning has come, and why it failed.",
        discussion: "With --follow, exit status 0 means that the tenant runs.")

    @Argument var slug: String
    @Flag(help: "Wait until it runs or has failed.")
    var follow = false
    @OptionGroup var server: ServerOptions

    private var path: String { "/cp/admin/orgs/\(escaped(slug))/provision-status" }

    func run() async throws {
        let api = try server.connect()
        if follow { return try await watch(api) }
        let data = try await api.call("GET", path)
        if server.json { return sayJSON(data) }
        try decode(BootStatus.self, from: data).lines.forEach(say)
    }

    /// The server ends a stream at its limit, and a connection can break: begun again, it tells all anew.
    private func watch(_ api: ControlPlaneAPI) async throws {
        let screen = BootScreen(isTerminal: isatty(1) == 1, isQuiet: server.json)
        var failures = 0
        while true {
            do {
                if let final = try await followOnce(api, screen) { return try await finish(final, screen) }
                failures = 0
            } catch let error as HTTPError {
                failures += 1
                guard failures < 10 else { throw Failure("The stream broke \(failures) times: \(error)") }
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func followOnce(_ api: ControlPlaneAPI, _ screen: BootScreen) async throws -> BootStatus? {
        var parser = EventParser()
        let ticker = Task { await screen.tick() }
        defer { ticker.cancel() }
        for try await chunk in try await api.stream(path + "/stream") {
            for event in parser.feed(chunk) {
                let data = Data(event.data.utf8)
                switch event.name {
                case "stage":
                    let isNews = await screen.show(try decode(BootStatus.Stage.self, from: data))
                    if server.json, isNews { sayJSON(data) }
                case "status":
                    if server.json { sayJSON(data) }
                    let status = try decode(BootStatus.self, from: data)
                    if status.isFinal { return status }
                default: break
                }
            }
        }
        return nil
    }

    private func finish(_ status: BootStatus, _ screen: BootScreen) async throws {
        await screen.end()
        if !server.json { status.outcome.forEach(say) }
        guard status.status == "running" else { throw ExitCode.failure }
    }
}
