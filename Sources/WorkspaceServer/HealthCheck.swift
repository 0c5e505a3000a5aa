import CurlHTTP
import Postgres

/// Whether everything that a tenant needs answers. The checks run side by side, each bounded; a result is
/// kept for a second, and callers that come meanwhile share it.
actor HealthCheck {
    struct Result: Sendable, Equatable {
        /// By name: `postgres`, `pgvector`, `redis`, `memory-plugin`.
        var passed: [String: Bool]

        var isHealthy: Bool { passed.values.allSatisfy { $0 } }
    }

    static let limit: Duration = .seconds(3)
    static let lifetime: Duration = .seconds(1)

    private let checks: [(name: String, run: @Sendable () async throws -> Bool)]
    private var latest: (result: Result, at: ContinuousClock.Instant)?
    private var running: Task<Result, Never>?

    init(pool: PostgresPool, redis: RedisAddress, memoryPluginURL: String, http: HTTPClient) {
        checks = [
            ("postgres", { try await pool.query("SELECT 1").count == 1 }),
            ("pgvector", { try await pool.query("SELECT '[1,2]'::vector <=> '[2,1]'::vector").count == 1 }),
            ("redis", { try await redis.answersPing() }),
            (
                "memory-plugin",
                {
                    var request = HTTPRequest("GET", memoryPluginURL + "/health")
                    request.timeout = HealthCheck.limit
                    return try await http.send(request).status == 200
                }
            ),
        ]
    }

    func result() async -> Result {
        if let latest, ContinuousClock.now - latest.at < Self.lifetime { return latest.result }
        if let running { return await running.value }
        let task = Task { [checks] in await Self.run(checks) }
        running = task
        let result = await task.value
        latest = (result, .now)
        running = nil
        return result
    }

    private static func run(
        _ checks: [(name: String, run: @Sendable () async throws -> Bool)]
    ) async -> Result {
        await withTaskGroup(of: (String, Bool).self) { group in
            for check in checks {
                group.addTask { (check.name, await passes(check.run)) }
            }
            return await group.reduce(into: Result(passed: [:])) { $0.passed[$1.0] = $1.1 }
        }
    }

    /// An error and a missing answer are both a no.
    private static func passes(_ check: @escaping @Sendable () async throws -> Bool) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await check()) ?? false }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
