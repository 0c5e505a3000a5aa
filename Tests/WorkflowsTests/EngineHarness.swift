import Foundation
import Logging
import Postgres
import Synchronization
import TestSupport
import Workflows

/// Short times, so that tests that wait for a lease do not take long.
let quick = WorkflowEngine.Configuration(
    workers: 8, lease: .seconds(3), poll: .milliseconds(200), grace: .milliseconds(200))

func makeEngine(
    _ pool: PostgresPool, _ configuration: WorkflowEngine.Configuration = quick
) -> WorkflowEngine {
    var logger = Logger(label: "engine")
    logger.logLevel = .critical
    return WorkflowEngine(database: pool, configuration: configuration, logger: logger)
}

/// Runs the engine beside `body`, and shuts it down afterwards.
func running<Value: Sendable>(
    _ engine: WorkflowEngine, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Value
) async throws -> Value {
    let service = Task { try await engine.run() }
    do {
        let value = try await body()
        service.cancel()
        _ = await service.result
        return value
    } catch {
        service.cancel()
        _ = await service.result
        throw error
    }
}

extension WorkflowEngine {
    /// Waits until the workflow has ended.
    func ended(_ id: UUID, within limit: Duration = .seconds(60)) async throws -> WorkflowDescription {
        let last = Mutex<WorkflowDescription?>(nil)
        do {
            try await eventually("the end of workflow \(id)", within: limit) {
                let description = try await describe(id)
                last.withLock { $0 = description }
                return description.map { !$0.state.isLive } ?? false
            }
        } catch is TestSupportError {
            throw TestSupportError("workflow did not end: \(String(describing: last.withLock { $0 }))")
        }
        return try await describe(id)!
    }

    /// Starts a workflow without an input that matters.
    func begin(_ kind: String, _ subject: String = "s", on pool: PostgresPool) async throws -> UUID {
        try await start(kind, subject: subject, input: "", in: pool)
    }
}

/// What happened, in order, seen by the test.
final class Journal: Sendable {
    private let entries = Mutex<[String]>([])
    private let file: String?

    /// - Parameter file: holds the entries, and those of earlier processes, when given.
    init(file: String? = nil) {
        self.file = file
        let text = file.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? ""
        entries.withLock { $0 = text.split(separator: "\n").map(String.init) }
    }

    func note(_ entry: String) {
        entries.withLock { $0.append(entry) }
        guard let file, let stream = fopen(file, "a") else { return }
        fputs("\(entry)\n", stream)
        fclose(stream)
    }

    var all: [String] { entries.withLock { $0 } }
    func count(_ entry: String) -> Int { all.count { $0 == entry } }
}

struct Hiccup: Error, CustomStringConvertible {
    var description: String { "the service hiccuped" }
}
