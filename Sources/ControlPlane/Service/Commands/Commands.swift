import ArgumentParser
import FoundationEssentials
import Hummingbird
import Logging
import Organisations
import Postgres
import ServiceLifecycle

package struct ControlPlaneCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "controlplane",
        abstract: "Provisions tenants, each on an instance of its own, and looks after them.",
        subcommands: [
            Serve.self, Migrate.self, Adopt.self, RewrapSecrets.self, ShowConfiguration.self,
        ])

    package init() {}
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve the API and run the workflows.")

    /// What requests in flight get to finish, before they are cut off.
    static let shutdownPatience: Duration = .seconds(30)

    func run() async throws {
        let logger = makeLogger()
        let configuration = try readConfiguration()
        let platform = try Platform(configuration, logger: logger)
        defer { platform.http.shutdown() }
        let host = configuration.listenHost
        let app = application(platform) { port in
            logger.notice("listening", metadata: ["address": "\(host):\(port)"])
        }
        var group = ServiceGroupConfiguration(
            services: [.init(service: app)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = Self.shutdownPatience
        try await ServiceGroup(configuration: group).run()
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to this version's schema. Safe to run from several places at once.")

    @Option(help: "The database role of the service, where it is another: it gets what it needs, no more.")
    var serviceRole: String?

    func run() async throws {
        var reader = EnvironmentReader(ProcessInfo.processInfo.environment)
        let url = reader.url(.databaseURL, schemes: ["postgres", "postgresql"])
        let folder = reader.string(.migrationsPath)
        guard reader.problems.isEmpty else { throw explain(ConfigurationError(problems: reader.problems)) }
        let database = PostgresPool(
            PostgresConfiguration(url: url, maximumConnections: 2), logger: makeLogger())
        let applied = try await Migrator(directory: folder).migrate(on: database)
        if let serviceRole { try await ServiceRole(name: serviceRole).grant(on: database) }
        await database.close()
        print(applied.isEmpty ? "The schema is up to date." : "Applied: \(applied.joined(separator: ", "))")
    }
}

struct ShowConfiguration: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration",
        abstract: "List every environment variable, its meaning and its default.")

    func run() {
        for variable in Variable.all {
            let fallback = variable.fallback.map { $0.isEmpty ? "optional" : "default \($0)" } ?? "required"
            let secrecy = variable.isSecret ? ", secret" : ""
            print("\(variable.name) (\(fallback)\(secrecy))\n    \(variable.meaning)")
        }
    }
}

func readConfiguration() throws -> Configuration {
    do {
        return try Configuration(environment: ProcessInfo.processInfo.environment)
    } catch let error as ConfigurationError {
        throw explain(error)
    }
}

private func explain(_ error: ConfigurationError) -> ValidationError { ValidationError(error.description) }

func makeLogger() -> Logger {
    var logger = Logger(label: "controlplane") { StreamLogHandler.standardError(label: $0) }
    let wanted = ProcessInfo.processInfo.environment["LOG_LEVEL"] ?? "info"
    logger.logLevel = Logger.Level(rawValue: wanted) ?? .info
    return logger
}
