import Foundation
import Logging
import Postgres

/// A database of its own for one measurement, on a server whose user may create databases.
struct BenchDatabase {
    let url: String
    let pool: PostgresPool
    private let name: String
    private let server: PostgresPool

    /// Creates it and applies migrations/ of the working folder.
    /// - Parameter option: the server's URL, or nil for that of DATABASE_URL, which keeps a password out of
    ///   the argument list.
    static func create(on option: String?, connections: Int) async throws -> BenchDatabase {
        guard let serverURL = option ?? ProcessInfo.processInfo.environment["DATABASE_URL"] else {
            throw BenchError("give --database-url or set DATABASE_URL")
        }
        let name = "bench_\(UUID().uuidString.prefix(8).lowercased())"
        let server = makePool(serverURL, 1)
        try await server.execute("CREATE DATABASE \(identifier: name) TEMPLATE template0")
        var components = URLComponents(string: serverURL)
        components?.path = "/\(name)"
        let url = components?.string ?? serverURL
        let database = BenchDatabase(url: url, pool: makePool(url, connections), name: name, server: server)
        try await Migrator(directory: "migrations").migrate(on: database.pool)
        return database
    }

    func drop() async {
        await pool.close()
        _ = try? await server.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
        await server.close()
    }

    /// How durable a commit is here, so that nobody compares figures of different servers.
    func durability() async throws -> String {
        let row = try await pool.query(
            """
            SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
                current_setting('server_version') AS version
            """)[0]
        let (version, fsync, commit): (String, String, String) =
            (try row["version"], try row["fsync"], try row["commit"])
        return "PostgreSQL \(version), fsync \(fsync), synchronous_commit \(commit)"
    }

    /// Runs pgbench on this database with prepared statements; the password, if any, goes by environment.
    func pgbench(_ script: String, clients: Int, seconds: Int) throws -> PgbenchResult {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(name).sql")
        try script.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let arguments = [
            "-n", "-M", "prepared", "-c", "\(clients)", "-j", "2", "-T", "\(seconds)", "-f", file.path,
        ]
        return try PgbenchResult(output: runTool("pgbench", arguments, environment: libpqEnvironment))
    }

    private var libpqEnvironment: [String: String] {
        let components = URLComponents(string: url)
        var environment = ["PGDATABASE": name]
        environment["PGUSER"] = components?.user
        environment["PGPASSWORD"] = components?.password
        environment["PGHOST"] = components?.host.flatMap { $0.isEmpty ? nil : $0 }
        environment["PGPORT"] = components?.port.map(String.init)
        for item in components?.queryItems ?? [] {
            let names = ["host": "PGHOST", "user": "PGUSER", "port": "PGPORT", "password": "PGPASSWORD"]
            if let name = names[item.name] { environment[name] = item.value }
        }
        return environment
    }

    private static func makePool(_ url: String, _ connections: Int) -> PostgresPool {
        var configuration = PostgresConfiguration(url: url, maximumConnections: connections)
        configuration.applicationName = "bench"
        configuration.waitLimit = .seconds(60)
        return PostgresPool(configuration, logger: Logger(label: "bench"))
    }
}

/// Prints a line at once; `print` would keep it until a buffer is full where the output is a pipe.
func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

struct PgbenchResult {
    /// Runs of the script a second.
    let perSecond: Double
    let averageMilliseconds: Double

    init(output: String) throws {
        func figure(after label: String) -> Double? {
            output.split(separator: "\n").first { $0.hasPrefix(label) }
                .flatMap { $0.dropFirst(label.count).split(separator: " ").first }
                .flatMap { Double($0) }
        }
        guard let rate = figure(after: "tps = "), let latency = figure(after: "latency average = ") else {
            throw BenchError("pgbench printed no figures:\n\(output)")
        }
        perSecond = rate
        averageMilliseconds = latency
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a program of PATH to its end.
/// - Returns: what it printed on either stream.
func runTool(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try runUnmasked(process)
    let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BenchError("\(name) failed:\n\(output)") }
    return output
}

/// Tasks run on threads that block most signals, and a child inherits the mask: pgbench would never see the
/// alarm that ends it.
private func runUnmasked(_ process: Process) throws {
    var none = sigset_t()
    var inherited = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &inherited)
    defer { pthread_sigmask(SIG_SETMASK, &inherited, nil) }
    try process.run()
}

extension Double {
    /// With thousands separated, and no more digits than a single run deserves.
    var figure: String {
        if self < 100 { return "\((self * 100).rounded() / 100)" }
        var digits = String(Int(rounded()))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return digits
    }
}

extension [Double] {
    /// The smallest value that is not less than the given share of all.
    func percentile(_ share: Double) -> Double {
        let ordered = sorted()
        return ordered.isEmpty ? .nan : ordered[Swift.min(Int(Double(count) * share), count - 1)]
    }
}
