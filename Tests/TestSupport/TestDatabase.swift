import Foundation
import Logging
import Postgres

/// A fresh database for one test, on a private cluster that starts once for the test process (or on the
/// server of TEST_DATABASE_URL, whose user must be allowed to create databases).
///
///     try await withTestDatabase { database in
///         let pool = database.pool
///         ...
///     }
///
/// or `let database = try await TestDatabase.create(migrated: true)` and later `await database.drop()`.
package struct TestDatabase: Sendable {
    package let name: String
    package let url: String
    /// A pool of at most eight connections.
    package let pool: PostgresPool

    /// - Parameters:
    ///   - migrated: with every file of migrations/ applied, else empty.
    ///   - cluster: a server of the test's own, whose first database this is.
    package static func create(
        migrated: Bool = true, on cluster: PrivateCluster? = nil
    ) async throws -> TestDatabase {
        if let cluster {
            let database = TestDatabase(name: "postgres", url: cluster.url(), pool: makePool(cluster.url()))
            if migrated {
                try await Migrator(directory: "\(packageRoot)/migrations").migrate(on: database.pool)
            }
            return database
        }
        let server = try await TestServer.shared.value
        let name = uniqueName("test")
        let template = migrated ? server.migratedTemplate : "template0"
        try await server.admin.execute(
            "CREATE DATABASE \(identifier: name) TEMPLATE \(identifier: template)")
        let url = databaseURL(server.url, database: name)
        return TestDatabase(name: name, url: url, pool: makePool(url))
    }

    /// Another pool on the same database, as another process would have.
    package func anotherPool(connections: Int = 8) -> PostgresPool { makePool(url, connections) }

    package func drop() async {
        await pool.close()
        // The first database of a cluster goes with it.
        guard name != "postgres" else { return }
        guard let server = try? await TestServer.shared.value else { return }
        _ = try? await server.admin.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
    }
}

/// Creates a database, runs `body`, and drops it.
package func withTestDatabase<Value>(
    migrated: Bool = true, isolation: isolated (any Actor)? = #isolation,
    _ body: (TestDatabase) async throws -> Value
) async throws -> Value {
    let database = try await TestDatabase.create(migrated: migrated)
    do {
        let value = try await body(database)
        await database.drop()
        return value
    } catch {
        await database.drop()
        throw error
    }
}

/// The server of this test process, and a database with all migrations to copy from.
private struct TestServer: Sendable {
    static let shared = Task { try await TestServer.start() }

    let url: String
    let admin: PostgresPool
    let migratedTemplate: String
    /// Held so that the server lives as long as the process.
    let cluster: PrivateCluster?

    private static func start() async throws -> TestServer {
        let given = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"]
        let cluster = given == nil ? try await PrivateCluster() : nil
        let url = given ?? cluster!.url()
        let admin = makePool(url)
        let template = uniqueName("template")
        try await admin.execute("CREATE DATABASE \(identifier: template) TEMPLATE template0")
        let pool = makePool(databaseURL(url, database: template))
        try await Migrator(directory: "\(packageRoot)/migrations").migrate(on: pool)
        await pool.close()
        return TestServer(url: url, admin: admin, migratedTemplate: template, cluster: cluster)
    }
}

private func makePool(_ url: String, _ connections: Int = 8) -> PostgresPool {
    var configuration = PostgresConfiguration(url: url, maximumConnections: connections)
    configuration.waitLimit = .seconds(20)
    configuration.applicationName = "tests"
    var logger = Logger(label: "tests")
    logger.logLevel = .critical
    return PostgresPool(configuration, logger: logger)
}

private func uniqueName(_ prefix: String) -> String {
    "\(prefix)_\(UUID().uuidString.lowercased().replacing("-", with: "").prefix(16))"
}

/// `url` with another database: a URL's path is replaced, whatever host and parameters it has.
package func databaseURL(_ url: String, database: String) -> String {
    var components = URLComponents(string: url)
    components?.path = "/\(database)"
    return components?.string ?? url
}
