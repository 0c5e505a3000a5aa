import Glibc
import Logging
import ServiceLifecycle

/// memory-plugin: keeps a tenant's memories and finds them by meaning. Contents never leave the tenant.
@main
enum Main {
    static func main() async throws {
        let logger = Logger(label: "memory-plugin")
        do {
            try await makeApplication(try Configuration(), logger: logger).runService()
        } catch let invalid as Configuration.Invalid {
            logger.critical("\(invalid)")
            exit(EX_CONFIG)
        }
    }
}
