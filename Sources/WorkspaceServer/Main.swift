import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// molecule-tenant's server: what answers on a tenant's own hostname.
@main
enum Main {
    static func main() async throws {
        let logger = Logger(label: "workspace-server")
        do {
            let configuration = try Configuration()
            let server = WorkspaceServer(
                configuration: configuration, connections: Connections(), logger: logger)
            try await run(server, idleTime: .seconds(configuration.drainIdleSeconds), logger)
        } catch let invalid as Configuration.Invalid {
            logger.critical("\(invalid)")
            exit(EX_CONFIG)
        }
    }

    /// The first signal drains, a second one ends at once.
    private static func run(_ server: WorkspaceServer, idleTime: Duration, _ logger: Logger) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let group = ServiceGroup(
            configuration: .init(services: [server.application()], logger: logger))
        let watch = Task {
            var draining: Task<Void, Never>?
            for await _ in signals {
                guard draining == nil else {
                    await group.triggerGracefulShutdown()
                    continue
                }
                logger.info("draining")
                draining = Task {
                    await server.connections.drain(idleTime: idleTime)
                    await group.triggerGracefulShutdown()
                }
            }
        }
        defer { watch.cancel() }
        try await group.run()
    }
}
