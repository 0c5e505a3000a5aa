/// The body of `POST /containers/create`, as far as the stack uses it. Everything here is shown by `docker
/// inspect`: secrets lie in files (`SecretFolder`), but for images that know no other way than a variable.
/// Source: Docker Engine API 1.41.
struct ContainerSpec: Encodable, Sendable, Equatable {
    var image: String
    var entrypoint: [String]?
    var command: [String]?
    /// `uid:gid`, by numbers; nil for the image's own.
    var user: String?
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
        /// Options by path: folders in memory.
        var tmpfs: [String: String]?
        /// No service of the stack needs any: none binds a port below 1024, none changes its user.
        var droppedCapabilities = ["ALL"]
        /// A set-user-id program in an image gives nothing.
        var securityOptions = ["no-new-privileges"]

        enum CodingKeys: String, CodingKey {
            case networkMode = "NetworkMode"
            case binds = "Binds"
            case portBindings = "PortBindings"
            case restartPolicy = "RestartPolicy"
            case logConfig = "LogConfig"
            case sharedMemory = "ShmSize"
            case tmpfs = "Tmpfs"
            case droppedCapabilities = "CapDrop"
            case securityOptions = "SecurityOpt"
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
        case user = "User"
        case environment = "Env"
        case labels = "Labels"
        case stopSignal = "StopSignal"
        case exposedPorts = "ExposedPorts"
        case host = "HostConfig"
    }

    static let fingerprintLabel = "molecule.spec"

    /// The same for the same specification: a sum of its JSON, which says whether a container that exists
    /// is the one that is wanted.
    func fingerprint() throws -> String { fnv1a(try encoded(self)) }
}
