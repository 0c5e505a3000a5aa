import CurlHTTP
import Foundation
import TestSupport

/// `misbehaving_server.py`, started once for all tests of the process; it ends when the process does.
final class TestServer: Sendable {
    static let shared = Result { try TestServer() }

    let folder: String
    private let ports: [String: Int]
    private let server: OracleServer

    private init() throws {
        folder = NSTemporaryDirectory() + "curlhttp-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try OracleServer("misbehaving_server.py", [folder])
        ports = try JSONDecoder().decode([String: Int].self, from: server.announcement)
    }

    func url(_ path: String, _ server: String = "plain", host: String = "127.0.0.1") -> String {
        "\(server == "plain" ? "http" : "https")://\(host):\(ports[server]!)\(path)"
    }

    var authority: String { get throws { try String(contentsOfFile: folder + "/ca.pem", encoding: .utf8) } }
}

struct Echo: Decodable {
    var line: String
    var headers: [[String]]
    var body: String
    var connection: Int

    init(_ response: HTTPResponse) throws {
        self = try JSONDecoder().decode(Echo.self, from: Data(response.body))
    }

    func values(_ name: String) -> [String] { headers.filter { $0[0] == name }.map { $0[1] } }
}

/// A client that takes nothing from the environment of the test run.
func plainClient() -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.usesProxyFromEnvironment = false
    return HTTPClient(configuration: configuration)
}

/// What `body` throws, which is to be an `HTTPError`.
func failure<T>(_ body: () async throws -> T) async -> HTTPError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? HTTPError
    }
}
