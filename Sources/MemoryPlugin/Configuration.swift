import DurableFiles
import Glibc

/// The memory-plugin's variables, each of which may lie in a file that `NAME_FILE` names:
/// - `DATABASE_URL`: libpq URL of the tenant's Postgres. Required.
/// - `MEMORY_PLUGIN_LISTEN`: host and port, default `127.0.0.1:9100`.
/// - `MEMORY_EMBEDDING_DIMENSIONS`: length of every embedding, 1 to 2000 (what an HNSW index takes), default
///   1536. Chosen once: the table keeps it.
struct Configuration: Sendable {
    var databaseURL: String
    var host = "127.0.0.1"
    var port = 9100
    var dimensions = 1536

    static let dimensionRange = 1...2000

    struct Invalid: Error, CustomStringConvertible {
        var problems: [String]

        var description: String { problems.joined(separator: "\n") }
    }

    init(databaseURL: String, host: String = "127.0.0.1", port: Int, dimensions: Int) {
        self.databaseURL = databaseURL
        self.host = host
        self.port = port
        self.dimensions = dimensions
    }

    /// - Throws: `Invalid` with everything that is missing or malformed
    init(_ environment: @escaping (String) -> String? = variable) throws(Invalid) {
        var environment = FileVariables(environment)
        var problems: [String] = []
        databaseURL = environment("DATABASE_URL") ?? ""
        if databaseURL.isEmpty { problems.append("DATABASE_URL is missing") }
        if let listen = environment("MEMORY_PLUGIN_LISTEN") {
            let parts = listen.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), (1...65535).contains(port) {
                host = String(parts[0])
                self.port = port
            } else {
                problems.append("MEMORY_PLUGIN_LISTEN is not HOST:PORT")
            }
        }
        if let text = environment("MEMORY_EMBEDDING_DIMENSIONS") {
            if let value = Int(text), Self.dimensionRange.contains(value) {
                dimensions = value
            } else {
                problems.append("MEMORY_EMBEDDING_DIMENSIONS is not a number from 1 to 2000")
            }
        }
        problems += environment.problems
        if !problems.isEmpty { throw Invalid(problems: problems) }
    }
}

private func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
