import DurableFiles
import TenantProtocol

/// One container of the stack: what it runs, when it counts as healthy, and how long that may take.
struct Service: Sendable {
    /// Name of the container.
    var name: String
    var stage: BootStage
    /// From its start to healthy.
    var deadline: Duration
    var spec: ContainerSpec
    /// Where it listens, for one that may run beside another of its kind.
    var slot: Slot?
    /// What is written before it is created; nil for an image that knows its secrets by variables only.
    var secrets: SecretFolder?
    /// What belongs to its user before it starts.
    var data: DataFolder?
    /// Between its stop signal and SIGKILL.
    var stopSeconds = 10
    /// False as long as it cannot do its work.
    var isHealthy: @Sendable (StackRuntime) async throws -> Bool
}

/// One of the two ports of a service whose containers can run side by side in the holder's network.
struct Slot: Sendable, Equatable {
    let service: ServiceName
    let port: UInt16

    /// The first is where a service is that knows of no second.
    static func ports(of service: ServiceName) -> [UInt16] {
        switch service {
        case .tenant: [8080, 8081]
        // Only the port of its metrics: it serves by dialling out.
        case .cloudflared: [20241, 20242]
        case .postgres, .redis, .memoryPlugin: []
        }
    }

    static func first(of service: ServiceName) -> Slot {
        Slot(service: service, port: ports(of: service)[0])
    }

    var other: Slot { Slot(service: service, port: Self.ports(of: service).first { $0 != port } ?? port) }

    /// Whether packet rules lead clients to it.
    var isRouted: Bool { service == .tenant }
}

/// The parts of the stack that `redeploy` may replace.
enum ServiceName: String, Sendable, CaseIterable {
    case tenant
    case memoryPlugin = "memory-plugin"
    case redis
    case postgres
    case cloudflared

    var container: String {
        switch self {
        case .tenant: "molecule-tenant"
        case .memoryPlugin: "molecule-memory-plugin"
        case .redis: "molecule-redis"
        case .postgres: "molecule-postgres"
        case .cloudflared: "molecule-cloudflared"
        }
    }

    /// The user that its container runs as, in place of the image's own: numbers of no user of the host.
    /// PostgreSQL's is the one of Debian's and of the official image, as it has always been, and gives way to
    /// the owner of data that are there (`PostgresData`). What outlives a container belongs to the same user
    /// before and after a redeploy.
    var user: Folder.Owner {
        switch self {
        case .tenant: Folder.Owner(user: 10_001, group: 10_001)
        case .memoryPlugin: Folder.Owner(user: 10_002, group: 10_002)
        case .redis: Folder.Owner(user: 10_003, group: 10_003)
        case .cloudflared: Folder.Owner(user: 10_004, group: 10_004)
        case .postgres: Folder.Owner(user: 999, group: 999)
        }
    }

    /// Those that cannot do their work without it.
    var dependants: [ServiceName] {
        switch self {
        case .postgres: [.memoryPlugin, .tenant]
        case .redis, .memoryPlugin: [.tenant]
        case .tenant, .cloudflared: []
        }
    }
}

extension Folder.Owner {
    /// As Docker takes it. Without a group it would be root's.
    var text: String { "\(user):\(group)" }
}
