import TenantProtocol

/// One container of the stack: what it runs, when it counts as healthy, and how long that may take.
struct Service: Sendable {
    /// Name of the container.
    var name: String
    var stage: BootStage
    /// From its start to healthy.
    var deadline: Duration
    var spec: ContainerSpec
    /// False as long as it cannot do its work.
    var isHealthy: @Sendable (StackRuntime) async throws -> Bool
}

/// The parts of the stack that `redeploy` may replace. Postgres is not one: its image follows its data.
enum ServiceName: String, Sendable, CaseIterable {
    case tenant
    case memoryPlugin = "memory-plugin"
    case redis
    case cloudflared

    var container: String {
        switch self {
        case .tenant: "molecule-tenant"
        case .memoryPlugin: "molecule-memory-plugin"
        case .redis: "molecule-redis"
        case .cloudflared: "molecule-cloudflared"
        }
    }
}
