import CurlHTTP
import FoundationEssentials
import Glibc
import TenantProtocol

/// The instance's Docker daemon, over its socket. Paths name no API version: the daemon then uses its own.
struct DockerEngine: Sendable {
    private let http: HTTPClient
    private let socket: String

    /// - Parameter socket: nil for DOCKER_HOST where that is a socket, else the usual one.
    init(socket: String? = nil) {
        var configuration = HTTPClient.Configuration()
        configuration.usesProxyFromEnvironment = false
        http = HTTPClient(configuration: configuration)
        let host = getenv("DOCKER_HOST").map { String(cString: $0) } ?? ""
        let declared = host.hasPrefix("unix://") ? String(host.dropFirst(7)) : nil
        self.socket = socket ?? declared ?? "/var/run/docker.sock"
    }

    func answers() async -> Bool { (try? await send("GET", "/_ping").status) == 200 }

    // MARK: Containers

    /// nil when there is none of this name or id.
    func container(_ name: String) async throws -> Container? {
        let response = try await send("GET", "/containers/\(name)/json")
        if response.status == 404 { return nil }
        return try decoded(Container.self, try checked(response, "inspect \(name)"))
    }

    /// - Returns: the new container's id
    func create(_ name: String, _ spec: ContainerSpec) async throws -> String {
        struct Created: Decodable {
            var id: String

            enum CodingKeys: String, CodingKey { case id = "Id" }
        }
        let response = try await send("POST", "/containers/create?name=\(name)", try encoded(spec))
        return try decoded(Created.self, try checked(response, "create \(name)")).id
    }

    /// Nothing happens when it runs.
    func start(_ name: String) async throws {
        try checked(try await send("POST", "/containers/\(name)/start"), "start \(name)")
    }

    /// Nothing happens when it does not run, or is not there.
    /// - Parameter graceSeconds: between the stop signal and SIGKILL
    func stop(_ name: String, graceSeconds: Int = 10) async throws {
        let response = try await send(
            "POST", "/containers/\(name)/stop?t=\(graceSeconds)", timeout: .seconds(graceSeconds + 30))
        if response.status != 404 { try checked(response, "stop \(name)") }
    }

    /// Also when it runs; with its anonymous volumes. Nothing happens when it is not there.
    func remove(_ name: String) async throws {
        let response = try await send("DELETE", "/containers/\(name)?force=true&v=true")
        if response.status != 404 { try checked(response, "remove \(name)") }
    }

    func rename(_ name: String, to newName: String) async throws {
        try checked(
            try await send("POST", "/containers/\(name)/rename?name=\(newName)"), "rename \(name)")
    }

    /// Runs a command inside a container; its output is dropped.
    /// - Returns: its exit status
    func execute(_ command: [String], in name: String) async throws -> Int {
        struct Exec: Encodable {
            var command: [String]
            var attachesOutput = true

            enum CodingKeys: String, CodingKey {
                case command = "Cmd"
                case attachesOutput = "AttachStdout"
            }
        }
        struct Created: Decodable {
            var id: String

            enum CodingKeys: String, CodingKey { case id = "Id" }
        }
        struct Ended: Decodable {
            var exitCode: Int?

            enum CodingKeys: String, CodingKey { case exitCode = "ExitCode" }
        }
        let creation = try await send("POST", "/containers/\(name)/exec", try encoded(Exec(command: command)))
        let id = try decoded(Created.self, try checked(creation, "exec in \(name)")).id
        // Attached, so that the answer ends when the command does.
        try checked(
            try await send("POST", "/exec/\(id)/start", Array(#"{"Detach":false,"Tty":false}"#.utf8)),
            "exec in \(name)")
        let end = try await send("GET", "/exec/\(id)/json")
        return try decoded(Ended.self, try checked(end, "exec in \(name)")).exitCode ?? -1
    }

    /// Sources on the host of everything that is mounted into a container, also into one that does not run.
    func mountedPaths() async throws -> Set<String> {
        struct Listed: Decodable {
            var mounts: [Mount]?

            enum CodingKeys: String, CodingKey { case mounts = "Mounts" }
        }
        struct Mount: Decodable {
            var source: String?

            enum CodingKeys: String, CodingKey { case source = "Source" }
        }
        let response = try await send("GET", "/containers/json?all=true")
        let containers = try decoded([Listed].self, try checked(response, "list the containers"))
        return Set(containers.flatMap { $0.mounts ?? [] }.compactMap(\.source))
    }

    /// Where a volume lies on the host; nil when there is none of this name.
    func volumePath(_ name: String) async throws -> String? {
        struct Volume: Decodable {
            var mountpoint: String

            enum CodingKeys: String, CodingKey { case mountpoint = "Mountpoint" }
        }
        let response = try await send("GET", "/volumes/\(name)")
        if response.status == 404 { return nil }
        return try decoded(Volume.self, try checked(response, "inspect the volume \(name)")).mountpoint
    }

    // MARK: Networks

    /// The host's address on the default bridge.
    func bridgeGateway() async throws -> String? {
        struct Network: Decodable {
            var ipam: IPAM
            struct IPAM: Decodable {
                var config: [Subnet]?

                enum CodingKeys: String, CodingKey { case config = "Config" }
            }
            struct Subnet: Decodable {
                var gateway: String?

                enum CodingKeys: String, CodingKey { case gateway = "Gateway" }
            }

            enum CodingKeys: String, CodingKey { case ipam = "IPAM" }
        }
        let response = try await send("GET", "/networks/bridge")
        return try decoded(Network.self, try checked(response, "inspect the bridge"))
            .ipam.config?.compactMap(\.gateway).first { !$0.contains(":") }
    }

    // MARK: Plumbing

    func send(
        _ method: String, _ path: String, _ body: [UInt8] = [], headers: [HTTPField] = [],
        timeout: Duration = .seconds(60)
    ) async throws -> HTTPResponse {
        try await http.send(request(method, path, body, headers, timeout: timeout))
    }

    func stream(
        _ path: String, headers: [HTTPField] = []
    ) async throws -> (head: HTTPResponse, body: AsyncThrowingStream<[UInt8], any Error>) {
        try await http.stream(request("POST", path, [], headers, timeout: .seconds(120)))
    }

    private func request(
        _ method: String, _ path: String, _ body: [UInt8], _ headers: [HTTPField], timeout: Duration
    ) -> HTTPRequest {
        var request = HTTPRequest(method, "http://docker" + path, headers: headers, body: body)
        if !body.isEmpty { request.headers.append(HTTPField("Content-Type", "application/json")) }
        request.unixSocketPath = socket
        request.timeout = timeout
        request.maximumResponseBytes = 8 << 20
        return request
    }

    /// 304 says that there was nothing to do.
    @discardableResult
    func checked(_ response: HTTPResponse, _ what: String) throws -> HTTPResponse {
        if response.isSuccess || response.status == 304 { return response }
        throw StageFailure(.startFailed, "docker: \(what): \(response.status) \(reason(response))")
    }

    /// The daemon's own words, which name images and containers but no variable's value.
    private func reason(_ response: HTTPResponse) -> String {
        struct Message: Decodable { var message: String }
        return (try? decoded(Message.self, response).message) ?? ""
    }

    func decoded<Value: Decodable>(_ type: Value.Type, _ response: HTTPResponse) throws -> Value {
        try JSONDecoder().decode(type, from: Data(response.body))
    }
}
