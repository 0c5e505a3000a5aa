import Glibc
import Logging
import ServiceLifecycle

/// molecule-tenant's server: what answers on a tenant's own hostname.
@main
enum Main {
    static func main() async throws {
        let logger = Logger(label: "workspace-server")
        do {
            let server = WorkspaceServer(configuration: try Configuration(), logger: logger)
            try await server.application().runService()
        } catch let invalid as Configuration.Invalid {
            logger.critical("\(invalid)")
            exit(EX_CONFIG)
        }
    }
}
