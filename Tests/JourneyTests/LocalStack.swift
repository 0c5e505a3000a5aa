import AWSSigV4
import CurlHTTP
import Foundation
import TestSupport

/// The running stack of `make up` or `make test`, found through the environment file in LOCAL_DIR.
struct LocalStack: Sendable {
    let environment: [String: String]
    let http: HTTPClient

    static let shared: LocalStack? = {
        let folder = ProcessInfo.processInfo.environment["LOCAL_DIR"] ?? packageRoot + "/.local"
        guard let text = try? String(contentsOfFile: folder + "/env", encoding: .utf8) else { return nil }
        let stack = LocalStack(environment: variables(text))
        return stack["CP_URL"].isEmpty ? nil : stack
    }()

    private init(environment: [String: String]) {
        self.environment = environment
        var configuration = HTTPClient.Configuration()
        configuration.caFile = environment["CP_CA_FILE"]
        configuration.usesProxyFromEnvironment = false
        http = HTTPClient(configuration: configuration)
    }

    /// The lines `export NAME='value'`.
    private static func variables(_ text: String) -> [String: String] {
        text.split(separator: "\n").reduce(into: [:]) { result, line in
            guard line.hasPrefix("export "), let equals = line.firstIndex(of: "=") else { return }
            let value = line[line.index(after: equals)...]
            result[String(line[..<equals].dropFirst(7))] = String(value.dropFirst().dropLast())
        }
    }

    subscript(_ name: String) -> String { environment[name] ?? "" }

    /// The scripts and Docker see the stack's variables, and PATH.
    private var processEnvironment: [String: String] {
        var result = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if self["DOCKER_HOST"].isEmpty { result["DOCKER_HOST"] = nil }
        return result
    }

    func script(_ name: String, _ arguments: String...) async throws {
        let result = try await runCommand(
            packageRoot + "/scripts/" + name, arguments, environment: processEnvironment)
        guard result.status == 0 else { throw JourneyError("scripts/\(name): \(result.output)") }
    }

    @discardableResult
    func docker(_ arguments: String...) async throws -> String {
        let result = try await runCommand(
            "/usr/bin/env", ["docker"] + arguments, environment: processEnvironment, within: .seconds(180))
        guard result.status == 0 else { throw JourneyError("docker \(arguments): \(result.output)") }
        return result.output
    }

    func postgres(_ program: String, _ arguments: String...) async throws -> String {
        guard let url = URLComponents(string: self["DATABASE_OWNER_URL"]) else {
            throw JourneyError("DATABASE_OWNER_URL cannot be read")
        }
        var environment = processEnvironment
        environment["PGUSER"] = url.user
        environment["PGPASSWORD"] = url.password
        environment["PGDATABASE"] = String(url.path.dropFirst())
        environment["PGHOST"] = url.queryItems?.first { $0.name == "host" }?.value
        let result = try await runCommand("/usr/bin/env", [program] + arguments, environment: environment)
        guard result.status == 0 else { throw JourneyError("\(program): \(result.output)") }
        return result.output
    }
}

struct JourneyError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
