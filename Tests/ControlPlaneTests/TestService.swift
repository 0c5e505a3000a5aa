import CurlHTTP
import Foundation
import Logging
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The real service on a real socket and a real database of its own.
struct TestService: Sendable {
    let url: String
    let platform: Platform

    static func run(
        _ overrides: [String: String] = [:], limits: ServerLimits = ServerLimits(),
        _ body: @Sendable @escaping (TestService) async throws -> Void
    ) async throws {
        let database = try await TestDatabase.create(migrated: true)
        let environment = try ExampleEnvironment.make(
            ["DATABASE_URL": database.url].merging(overrides) { $1 })
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try Platform(Configuration(environment: environment), logger: logger)
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application(platform, limits: limits) { listening.yield($0) })],
                logger: logger))
        let outcome = await withTaskGroup(of: Void.self, returning: Result<Void, any Error>.self) { tasks in
            tasks.addTask {
                try? await group.run()
                listening.finish()
            }
            guard let port = await ports.first(where: { _ in true }) else { return .failure(NeverListened()) }
            let service = TestService(url: "http://127.0.0.1:\(port)", platform: platform)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(service)) } catch { outcome = .failure(error) }
            await group.triggerGracefulShutdown()
            return outcome
        }
        platform.http.shutdown()
        await database.drop()
        try outcome.get()
    }

    struct NeverListened: Error {}

    // MARK: Requests

    struct Answer: Sendable {
        var status: Int
        var contentType: String
        var headers: HTTPResponse
        var json: [String: JSONValue]
        var code: String? { json["code"]?.string }
    }

    func send(
        _ method: String, _ path: String, token: String? = ExampleEnvironment.adminToken, org: String? = nil,
        body: String? = nil, headers: [HTTPField] = []
    ) async throws -> Answer {
        var request = HTTPRequest(method, url + path, headers: headers)
        if let token { request.headers.append(HTTPField("Authorization", "Bearer \(token)")) }
        if let org { request.headers.append(HTTPField("X-Molecule-Org-Id", org)) }
        if let body {
            request.headers.append(HTTPField("Content-Type", "application/json"))
            request.body = Array(body.utf8)
        }
        request.timeout = .seconds(60)
        let response = try await platform.http.send(request)
        let json = try? JSONDecoder().decode([String: JSONValue].self, from: Data(response.body))
        return Answer(
            status: response.status, contentType: response.header("Content-Type") ?? "", headers: response,
            json: json ?? [:])
    }

    // MARK: Rows

    /// An organisation with issued credentials whose provisioning never started, as if its launch were
    /// under way.
    func launchedOrg(slug: String, instanceID: String? = nil) async throws -> (
        org: Org, secrets: TenantSecrets
    ) {
        let id = UUID()
        var secrets = TenantSecrets.generate()
        secrets.tunnelToken = "tunnel-token-\(slug)"
        let org = try await OrgStore(database: platform.database).insert(
            id: id, slug: try Slug(slug), name: slug, ownerUserID: "user")
        let tenants = TenantStore(database: platform.database)
        try await tenants.insert(
            org: id, launchID: UUID(), Placement(platform.configuration.fleet, place: 0, subnet: 0))
        try await tenants.issue(
            org: id, sealed: try await platform.fleet.secrets.seal(secrets),
            bootToken: TokenHash(of: secrets.bootToken), adminToken: TokenHash(of: secrets.adminToken))
        if let instanceID {
            try await tenants.recordInstance(org: id, instanceID: instanceID, privateIP: "10.0.0.9")
        }
        return (org, secrets)
    }

    func count(_ table: SQL) async throws -> Int {
        try await platform.database.query("SELECT count(*)::int AS n FROM \(table)")[0]["n", as: Int.self]
    }
}

/// Any JSON, for looking into answers.
enum JSONValue: Decodable, Sendable, Equatable {
    case string(String), number(Double), bool(Bool), array([JSONValue]), object([String: JSONValue]), null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var number: Int? { if case .number(let value) = self { Int(value) } else { nil } }
    var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
}
