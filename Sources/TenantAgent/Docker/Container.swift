/// What `GET /containers/{name}/json` says, as far as the agent asks.
struct Container: Decodable, Sendable {
    var id: String
    var state: State
    var config: Config
    var restartCount: Int

    struct State: Decodable, Sendable {
        var isRunning: Bool
        var isRestarting: Bool
        var pid: Int32
        var exitCode: Int
        /// When its process started, RFC 3339; another time is another process.
        var startedAt: String

        enum CodingKeys: String, CodingKey {
            case isRunning = "Running"
            case isRestarting = "Restarting"
            case pid = "Pid"
            case exitCode = "ExitCode"
            case startedAt = "StartedAt"
        }
    }

    struct Config: Decodable, Sendable {
        /// The reference that the container was created with.
        var image: String
        var labels: [String: String]?

        enum CodingKeys: String, CodingKey {
            case image = "Image"
            case labels = "Labels"
        }
    }

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case state = "State"
        case config = "Config"
        case restartCount = "RestartCount"
    }

    var fingerprint: String? { config.labels?[ContainerSpec.fingerprintLabel] }
    var isUp: Bool { state.isRunning && !state.isRestarting }
}
