import DurableFiles
import TenantProtocol

/// The tenant's stack: what runs on every instance, in the order in which it starts.
///
/// Postgres alone is on the default bridge, published to it at the host's bridge address (172.17.0.1:5432)
/// for the workspaces. Everything else shares the network of a holder, a container that only sleeps:
/// 127.0.0.1 inside is common ground, out of the workspaces' reach; replacing molecule-tenant disturbs
/// no neighbour; and nothing has the host's network, from which the instance's credentials can be asked.
///
/// Each runs as a user of its own, without capabilities and without a way to more, and has its secrets in
/// files.
struct Stack: Sendable {
    let declaration: Declaration
    let secrets: EnrolmentGrant
    /// Of the platform; empty on a self-hosted tenant.
    let configuration: [String: String]
    /// By container name; what a redeploy put in place of the declared image.
    var images: [String: String]
    /// By container name; where there is none, the first slot.
    var ports: [String: UInt16] = [:]
    /// The host's address on the default bridge.
    let gateway: String
    /// Of molecule-tenant on the host.
    var tenantDataPath = Installation().tenantDataPath
    /// Of the containers' secrets on the host.
    var secretsPath = Installation().containerSecretsPath
    /// References of the images that read secrets from files.
    var fileReaders: Set<String> = []
    var postgresData = PostgresData()
    /// File of the private authorities on the host; nil where there is none.
    let authoritiesPath: String?

    static let holderName = "molecule-network"
    /// Of Postgres, in its container.
    static let postgresData = "/var/lib/postgresql/data/pgdata"

    /// Started first, never replaced. It needs an image with a `sleep` that every stack has.
    var holder: ContainerSpec {
        var spec = ContainerSpec(image: declaration.stack.postgres, host: .init())
        spec.user = "65534:65534"
        spec.entrypoint = ["sleep", "infinity"]
        // As process 1, `sleep` takes no notice of SIGTERM.
        spec.stopSignal = "SIGKILL"
        spec.exposedPorts = ["8080/tcp": .init()]
        spec.host.portBindings = [
            "8080/tcp": ["127.0.0.1", gateway].map { .init(hostIP: $0, hostPort: "8080") }
        ]
        return spec
    }

    /// - Parameter network: id of the holder's container
    func services(network: String) throws -> [Service] {
        var services = [
            postgres, redis(network), memoryPlugin(network), try tenant(network),
        ]
        if declaration.stack.cloudflared != nil { services.append(try cloudflared(network)) }
        return services
    }

    private var postgres: Service {
        let image = image("molecule-postgres", declaration.stack.postgres)
        let user = postgresData.user
        var spec = ContainerSpec(image: image, host: .init())
        spec.user = user.text
        // Ends sessions, writes a checkpoint, ends: the fast shutdown.
        spec.stopSignal = "SIGINT"
        // All images of PostgreSQL know `POSTGRES_PASSWORD_FILE`.
        let password = folder(.postgres, user, ["POSTGRES_PASSWORD": secrets.databasePassword])
        spec.environment =
            ["POSTGRES_USER=molecule", "POSTGRES_DB=molecule", "PGDATA=\(Self.postgresData)"]
            + password.variables
        spec.host.binds = ["\(PostgresData.volume):/var/lib/postgresql/data", password.bind]
        // Its socket's folder belongs to root in the images that began as root.
        spec.host.tmpfs = ["/run/postgresql": "uid=\(user.user),gid=\(user.group),mode=0755,size=1m"]
        spec.host.portBindings = ["5432/tcp": [.init(hostIP: gateway, hostPort: "5432")]]
        spec.exposedPorts = ["5432/tcp": .init()]
        // Postgres builds an HNSW index in parallel in /dev/shm; Docker's 64 MB are too few.
        spec.host.sharedMemory = 256 << 20
        let data = DataFolder(
            place: .volume(PostgresData.volume), owner: user, isWhole: !postgresData.isOwned)
        return Service(
            name: "molecule-postgres", stage: .postgres, deadline: .seconds(120), spec: spec,
            secrets: password, data: data, stopSeconds: 60
        ) {
            // Over TCP: while the image initialises its data, it listens on the local socket only.
            let probe = ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "molecule"]
            guard try await $0.docker.execute(probe, in: "molecule-postgres") == 0 else { return false }
            let sql = "CREATE EXTENSION IF NOT EXISTS vector"
            let psql = ["psql", "-q", "-U", "molecule", "-d", "molecule", "-v", "ON_ERROR_STOP=1", "-c", sql]
            return try await $0.docker.execute(psql, in: "molecule-postgres") == 0
        }
    }

    private func redis(_ network: String) -> Service {
        var spec = shared(network, image("molecule-redis", declaration.stack.redis), .redis)
        spec.entrypoint = ["redis-server"]
        spec.command = ["--bind", "127.0.0.1", "--appendonly", "yes", "--dir", "/data"]
        spec.host.binds = ["molecule-redis:/data"]
        return Service(
            name: "molecule-redis", stage: .redis, deadline: .seconds(60), spec: spec,
            data: DataFolder(place: .volume("molecule-redis"), owner: ServiceName.redis.user), stopSeconds: 30
        ) {
            await $0.probe(6379).ask("PING\r\n") { $0.hasSuffix("\r\n") } == "+PONG\r\n"
        }
    }

    private func memoryPlugin(_ network: String) -> Service {
        var spec = shared(
            network, image("molecule-memory-plugin", declaration.stack.memoryPlugin), .memoryPlugin)
        spec.environment = ["MEMORY_PLUGIN_LISTEN=127.0.0.1:9100"]
        let secrets = give(["DATABASE_URL": databaseURL], to: &spec, of: .memoryPlugin)
        return Service(
            name: "molecule-memory-plugin", stage: .memoryPlugin, deadline: .seconds(60), spec: spec,
            secrets: secrets
        ) { await $0.probe(9100).httpStatus("/health") == 200 }
    }

    private func tenant(_ network: String) throws -> Service {
        let image = image("molecule-tenant", declaration.stack.tenant)
        var spec = shared(network, image, .tenant)
        let slot = slot(.tenant)
        let environment = TenantEnvironment(
            stack: self, databaseURL: databaseURL, image: image, port: slot.port)
        spec.environment = environment.plain.map { "\($0.key)=\($0.value)" }.sorted()
        spec.host.binds = ["\(tenantDataPath):\(TenantEnvironment.dataPath)"] + authorities
        let secrets = give(environment.secret, to: &spec, of: .tenant)
        return Service(
            name: "molecule-tenant", stage: .tenant, deadline: .seconds(120), spec: spec, slot: slot,
            secrets: secrets, data: DataFolder(place: .path(tenantDataPath), owner: ServiceName.tenant.user),
            stopSeconds: 30
        ) { await $0.probe(slot.port, at: .slots).httpStatus("/health") == 200 }
    }

    private func cloudflared(_ network: String) throws -> Service {
        guard !secrets.tunnelToken.isEmpty else {
            throw StageFailure(.invalidDeclaration, "a tunnel is declared, and there is no tunnel token")
        }
        let declared = declaration.stack.cloudflared ?? ""
        var spec = shared(network, image("molecule-cloudflared", declared), .cloudflared)
        let slot = slot(.cloudflared)
        spec.command = ["tunnel", "--no-autoupdate", "--metrics", "127.0.0.1:\(slot.port)", "run"]
        if !authorities.isEmpty {
            spec.environment.append("SSL_CERT_FILE=\(TenantEnvironment.authoritiesPath)")
        }
        spec.host.binds = authorities
        let token = give(["TUNNEL_TOKEN": secrets.tunnelToken], to: &spec, of: .cloudflared)
        return Service(
            name: "molecule-cloudflared", stage: .tunnel, deadline: .seconds(120), spec: spec, slot: slot,
            secrets: token, stopSeconds: 30
        ) {
            // 200 once a connection is registered at the edge.
            await $0.probe(slot.port).httpStatus("/ready") == 200
        }
    }

    private var authorities: [String] {
        authoritiesPath.map { ["\($0):\(TenantEnvironment.authoritiesPath):ro"] } ?? []
    }

    private func shared(_ network: String, _ image: String, _ service: ServiceName) -> ContainerSpec {
        var spec = ContainerSpec(image: image, host: .init(networkMode: "container:\(network)"))
        spec.user = service.user.text
        return spec
    }

    private func folder(
        _ service: ServiceName, _ owner: Folder.Owner, _ values: [String: String]
    ) -> SecretFolder {
        SecretFolder(parent: secretsPath, container: service.container, owner: owner, values: values)
    }

    /// As files to an image that says that it reads them, else as variables.
    private func give(
        _ values: [String: String], to spec: inout ContainerSpec, of service: ServiceName
    ) -> SecretFolder? {
        guard fileReaders.contains(spec.image) else {
            spec.environment += values.map { "\($0.key)=\($0.value)" }.sorted()
            return nil
        }
        let folder = folder(service, service.user, values)
        spec.environment += folder.variables
        spec.host.binds.append(folder.bind)
        return folder
    }

    private func image(_ container: String, _ declared: String) -> String { images[container] ?? declared }

    private func slot(_ service: ServiceName) -> Slot {
        let first = Slot.first(of: service)
        return Slot(service: service, port: ports[service.container] ?? first.port)
    }

    /// Where port 8080 of the holder's network leads.
    var tenantPort: UInt16 { slot(.tenant).port }

    /// The same stack with another image for one container, at another slot where it has one.
    func with(_ image: String, readsFiles: Bool, for container: String, at slot: Slot?) -> Stack {
        var stack = self
        stack.images[container] = image
        stack.ports[container] = slot?.port
        if readsFiles { stack.fileReaders.insert(image) }
        return stack
    }

    func service(_ name: ServiceName, network: String) throws -> Service {
        guard let found = try services(network: network).first(where: { $0.name == name.container }) else {
            throw StageFailure(.invalidDeclaration, "this tenant has no \(name.rawValue)")
        }
        return found
    }

    /// By container name.
    static func declaredImages(_ stack: Declaration.Stack) -> [String: String] {
        var images = [
            "molecule-postgres": stack.postgres, "molecule-redis": stack.redis,
            "molecule-memory-plugin": stack.memoryPlugin, "molecule-tenant": stack.tenant,
        ]
        images["molecule-cloudflared"] = stack.cloudflared
        return images
    }

    private var databaseURL: String {
        "postgres://molecule:\(percentEncoded(secrets.databasePassword))@\(gateway):5432/molecule"
    }
}

/// RFC 3986, section 2.3: everything but the unreserved.
func percentEncoded(_ text: String) -> String {
    text.utf8.reduce(into: "") { result, byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
            result.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
}
