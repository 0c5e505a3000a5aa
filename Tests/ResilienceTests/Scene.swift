import CurlHTTP
import Foundation
import Postgres
import Synchronization
import TestSupport

/// One tenant's world: a database of its own, control planes that are killed and started again, and the
/// proxies around them. The local cloud is shared with other scenes.
struct Scene: Sendable {
    let slug: String
    let database: TestDatabase
    let trace: Trace
    let gate: Gate
    /// A paused or dead one comes first: whoever asks, asks the last that lives.
    let replicas: Replicas
    let commits: CommitProxy
    let cloud: SharedCloud

    /// The one control plane of a scene that has no more.
    var replica: Replica { replicas.all[0] }

    /// Patience for everything that must come about at last.
    static let patience: Duration = .seconds(120)

    /// - Parameter cluster: a server of the scene's own, where it is to be restarted.
    static func run<Value: Sendable>(
        in cloud: SharedCloud, _ settings: [String: String] = [:], cluster: PrivateCluster? = nil,
        _ body: @Sendable (Scene) async throws -> Value
    ) async throws -> Value {
        let database = try await TestDatabase.create(migrated: true, on: cluster)
        let (trace, gate, replicas) = (Trace(), Gate(), Replicas())
        let commits = try CommitProxy(database.url, trace: trace) { replicas.all[0].kill() }
        let calls = try await CallProxy(
            CallHandler(
                cloud: cloud.environment, http: cloud.http, trace: trace, gate: gate,
                front: { replicas.url }, kill: { replicas.all[0].kill() }))
        let slug = "t\(UUID().uuidString.lowercased().prefix(8))"
        let own = [
            // What a reconciler sees of the shared cloud is this scene's alone.
            "PLATFORM_ID": slug,
            "DATABASE_URL": commits.url, "DATABASE_MAX_CONNECTIONS": "8", "CP_LISTEN": "127.0.0.1:0",
            "CP_LEASE_SECONDS": "2", "CP_POLL_SECONDS": "1", "CP_WORKERS": "4", "LOG_LEVEL": "notice",
            "PROVIDER_VISIBILITY_SECONDS": "1",
            "KMS_KEY_ARN": "arn:aws:kms:eu-central-1:123456789012:key/\(UUID().uuidString.lowercased())",
        ]
        replicas.environment = try ExampleEnvironment.make(
            cloud.environment.merging(calls.environment) { $1 }.merging(own) { $1 }.merging(settings) { $1 })
        let scene = Scene(
            slug: slug, database: database, trace: trace, gate: gate, replicas: replicas, commits: commits,
            cloud: cloud)
        let result: Result<Value, any Error>
        do {
            try await replicas.add()
            result = .success(try await body(scene))
        } catch {
            result = .failure(error)
        }
        gate.open()
        for replica in replicas.all { await replica.stop() }
        await calls.close()
        commits.close()
        await database.drop()
        return try result.get()
    }

    // MARK: What an operator does

    /// Asks until there is an answer that is not about the service's own state.
    @discardableResult
    func ask(
        _ method: String, _ path: String, _ body: String? = nil,
        headers: [HTTPField] = [HTTPField("Authorization", "Bearer \(ExampleEnvironment.adminToken)")]
    ) async throws -> Answer {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if let url = replicas.url {
                var request = HTTPRequest(method, url + path, headers: headers)
                if let body {
                    request.headers.append(HTTPField("Content-Type", "application/json"))
                    request.body = Array(body.utf8)
                }
                request.timeout = .seconds(60)
                if let answer = try? await cloud.http.send(request), answer.status < 500 {
                    return Answer(answer)
                }
            }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw TestSupportError("\(method) \(path) was never answered")
    }

    func signUp(_ slug: String? = nil) async throws {
        let slug = slug ?? self.slug
        let body = #"{"slug":"\#(slug)","name":"Tenant 1","owner_user_id":"user-1"}"#
        let answer = try await ask("POST", "/cp/admin/orgs", body)
        // Taken by the same order, whose answer was lost.
        guard [201, 409].contains(answer.status) else {
            throw TestSupportError("the signup was answered \(answer)")
        }
    }

    func awaitStatus(_ wanted: String) async throws {
        var last = ""
        do {
            try await eventually("the status \(wanted)", within: Self.patience) {
                let answer = try await ask("GET", "/cp/admin/orgs/\(slug)/provision-status")
                last = "\(answer)"
                guard answer["status"] != "failed" || wanted == "failed" else {
                    throw TestSupportError("it failed")
                }
                return answer["status"] == wanted
            }
        } catch {
            throw TestSupportError("\(error); last seen: \(last)")
        }
    }

    /// Nothing is under way any more.
    /// - Parameter kind: a workflow that may wait on.
    func awaitQuiet(but kind: String = "") async throws {
        try await eventually("the end of the workflows", within: Self.patience) {
            let live = try await database.pool.query(
                """
                SELECT 1 AS one FROM workflows
                WHERE state IN ('waiting', 'running') AND kind <> \(kind)
                """)
            return live.isEmpty
        }
    }

    func orgID() async throws -> String {
        let rows = try await database.pool.query("SELECT id::text AS id FROM orgs")
        guard rows.count == 1 else { throw TestSupportError("\(rows.count) orgs instead of one") }
        return try rows[0]["id"]
    }

    /// What a person would want to see when a story did not end well.
    func report() async -> String {
        let rows = try? await database.pool.query(
            """
            SELECT concat_ws(' ', kind, state, lease_epoch, waiting_for, failure_code, last_error, due_at,
                (SELECT string_agg(concat_ws(':', name, s.state, s.failures, s.last_error), ', '
                    ORDER BY position) FROM workflow_steps s WHERE workflow_id = w.id)) AS line
            FROM workflows w ORDER BY created_at
            """)
        let workflows = rows?.compactMap { try? $0["line", as: String.self] } ?? []
        return (workflows + [String(replica.log.suffix(3_000))]).joined(separator: "\n    ")
    }
}

/// The control planes of a scene.
final class Replicas: Sendable {
    private let state = Mutex<(all: [Replica], environment: [String: String])>(([], [:]))

    var all: [Replica] { state.withLock { $0.all } }
    var environment: [String: String] {
        get { state.withLock { $0.environment } }
        set { state.withLock { $0.environment = newValue } }
    }

    /// Base URL of the newest that lives; nil when none does.
    var url: String? { all.reversed().lazy.compactMap(\.url).first }

    @discardableResult
    func add() async throws -> Replica {
        let replica = Replica(environment)
        state.withLock { $0.all.append(replica) }
        try await replica.start()
        return replica
    }
}

struct Answer: Sendable, CustomStringConvertible {
    let status: Int
    let body: Data

    init(_ response: CurlHTTP.HTTPResponse) {
        status = response.status
        body = Data(response.body)
    }

    subscript(_ name: String) -> String? {
        (try? JSONSerialization.jsonObject(with: body) as? [String: Any])?[name] as? String
    }

    var description: String { "\(status) \(String(decoding: body, as: UTF8.self).prefix(500))" }
}
