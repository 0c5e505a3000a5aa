import CurlHTTP
import Foundation
import TestSupport
import Testing

/// PostgreSQL with pgvector, as instances run it.
private let image = "controlplane/tenant-postgres:v1"

let hasPgvector: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker", "image", "inspect", image]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

let needsPgvector: Comment = "needs a Docker daemon with the image controlplane/tenant-postgres:v1"

/// One Postgres container without a network, reached over its unix socket. A test takes a database of it.
struct VectorDatabase {
    let url: String
    private let folder: String
    private let name: String

    init() async throws {
        folder = try makeTemporaryFolder("stack")
        name = "stack-test-\(UUID().uuidString.lowercased().prefix(12))"
        url = "postgresql:///molecule?host=\(folder)&user=molecule"
        // The container's user makes its socket there.
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
        let arguments = [
            "docker", "run", "--detach", "--name", name, "--network", "none", "--volume",
            "\(folder):/run/postgresql", "--env", "POSTGRES_USER=molecule", "--env", "POSTGRES_DB=molecule",
            "--env", "POSTGRES_PASSWORD=only-in-this-test", image,
        ]
        let (status, output) = try await runCommand("/usr/bin/env", arguments)
        try #require(status == 0, "\(output)")
        try await eventually("Postgres", within: .seconds(60)) {
            let probe = ["docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1"]
            return try await runCommand("/usr/bin/env", probe).status == 0
        }
    }

    func remove() async {
        _ = try? await runCommand("/usr/bin/env", ["docker", "rm", "--force", "--volumes", name])
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// A program of the stack on a port of its own.
struct StackProgram {
    let process: ChildProcess
    let url: String
    private let http = HTTPClient()

    static func memoryPlugin(_ databaseURL: String, dimensions: Int = 3) throws -> StackProgram {
        try StackProgram(
            "memory-plugin", listen: "MEMORY_PLUGIN_LISTEN",
            ["DATABASE_URL": databaseURL, "MEMORY_EMBEDDING_DIMENSIONS": String(dimensions)])
    }

    static func workspaceServer(_ environment: [String: String]) throws -> StackProgram {
        try StackProgram("workspace-server", listen: "WORKSPACE_LISTEN", environment)
    }

    private init(_ product: String, listen: String, _ variables: [String: String]) throws {
        let port = try freePort()
        url = "http://127.0.0.1:\(port)"
        // What a test leaves open is not waited for when it stops the program.
        var environment = [
            "PATH": "/usr/bin:/bin", listen: "127.0.0.1:\(port)", "WORKSPACE_DRAIN_IDLE_SECONDS": "0",
        ]
        // Where the Swift runtime is not on the system's own path.
        environment["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
        process = try ChildProcess(
            builtProduct(product), environment: environment.merging(variables) { _, new in new })
    }

    func send(
        _ method: String, _ path: String, _ headers: [String: String] = [:], _ body: String = ""
    ) async throws -> HTTPResponse {
        let fields = headers.map { HTTPField($0.key, $0.value) }
        return try await http.send(HTTPRequest(method, url + path, headers: fields, body: Array(body.utf8)))
    }

    func awaitStatus(_ status: Int, of path: String = "/health") async throws {
        try await eventually("\(status) of \(path)", within: .seconds(30)) {
            (try? await send("GET", path).status) == status
        }
    }
}

/// Redis without persistence.
func startRedis(_ port: Int) throws -> ChildProcess {
    try ChildProcess(
        "/usr/bin/redis-server",
        ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "red/is pass"])
}

func json(_ response: HTTPResponse) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
}
