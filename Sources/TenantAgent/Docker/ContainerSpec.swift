/// The body of `POST /containers/create`, as far as the stack uses it. It goes over the daemon's socket, so
/// that the secrets among the variables show in no command line and lie in no file.
/// Source: Docker Engine API 1.41.
struct ContainerSpec: Encodable, Sendable, Equatable {
    var image: String
    var entrypoint: [String]?
    var command: [String]?
    /// `NAME=value`
    var environment: [String] = []
    var labels: [String: String] = [:]
    var stopSignal: String?
    /// `5432/tcp`
    var exposedPorts: [String: Empty]?
    var host: Host

    struct Host: Encodable, Sendable, Equatable {
        /// `bridge`, or `container:<id>` to share that container's network.
        var networkMode = "bridge"
        /// `volume-or-path:target[:ro]`
        var binds: [String] = []
        var portBindings: [String: [PortBinding]] = [:]
        var restartPolicy = RestartPolicy()
        var logConfig = LogConfig()
        /// Of /dev/shm, in bytes.
        var sharedMemory: Int?

        enum CodingKeys: String, CodingKey {
            case networkMode = "NetworkMode"
            case binds = "Binds"
            case portBindings = "PortBindings"
            case restartPolicy = "RestartPolicy"
            case logConfig = "LogConfig"
            case sharedMemory = "ShmSize"
        }
    }

    struct PortBinding: Encodable, Sendable, Equatable {
        var hostIP: String
        var hostPort: String

        enum CodingKeys: String, CodingKey {
            case hostIP = "HostIp"
            case hostPort = "HostPort"
        }
    }

    struct RestartPolicy: Encodable, Sendable, Equatable {
        var name = "unless-stopped"

        enum CodingKeys: String, CodingKey { case name = "Name" }
    }

    /// Bounded: three files of 10 MB a container.
    struct LogConfig: Encodable, Sendable, Equatable {
        var type = "json-file"
        var config = ["max-size": "10m", "max-file": "3"]

        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case config = "Config"
        }
    }

    struct Empty: Encodable, Sendable, Equatable {}

    enum CodingKeys: String, CodingKey {
        case image = "Image"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case environment = "Env"
        case labels = "Labels"
        case stopSignal = "StopSignal"
        case exposedPorts = "ExposedPorts"
        case host = "HostConfig"
    }

    static let fingerprintLabel = "molecule.spec"

    /// The same for the same specification: FNV-1a over its JSON. It tells whether a container that exists
    /// is the one that is wanted; it protects nothing.
    func fingerprint() throws -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in try encoded(self) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
