import Foundation
import Postgres
import TestSupport
import Testing
import Workflows

/// A workflow with every kind of boundary. Its transactions write rows, which must be there once; its steps
/// note their key in a journal that no database can roll back, which must hold one key only.
struct CrashSample: Sendable {
    static let kind = "crash_sample"
    static let steps = ["reserve", "launch", "ready", "soak", "announce", "finish"]
    var journal = Journal()

    static func prepare(_ pool: PostgresPool) async throws {
        try await pool.execute("CREATE TABLE effects (name text, workflow uuid)")
    }

    func register(on engine: WorkflowEngine) {
        engine.register(Self.kind, input: String.self) { [journal] context, _ in
            try await context.transaction("reserve") { transaction in
                try await transaction.execute(
                    "INSERT INTO effects VALUES (\("reserve"), \(context.workflowID))")
            }
            let id = try await context.step("launch") { key in
                journal.note("launch \(key)")
                return "i-\(key.prefix(8))"
            }
            try await context.wait("ready", deadline: .seconds(60), poll: .milliseconds(10)) {
                context.attempt > 1
            }
            try await context.sleep("soak", .milliseconds(5))
            try await context.step("announce") { key in journal.note("announce \(key) \(id)") }
            try await context.transaction("finish") { transaction in
                try await transaction.execute(
                    "INSERT INTO effects VALUES (\("finish"), \(context.workflowID))")
            }
        }
    }

    /// The workflow ended well, with every transaction's effect once and every step's under one key.
    static func check(_ ended: WorkflowDescription, _ pool: PostgresPool, journal: [String]) async throws {
        #expect(ended.state == .succeeded)
        #expect(ended.steps.map(\.name) == steps)
        #expect(ended.steps.allSatisfy { $0.state == "done" })
        let effects = try await pool.query("SELECT name FROM effects ORDER BY name")
        #expect(try effects.map { try $0["name", as: String.self] } == ["finish", "reserve"])
        for step in ["launch", "announce"] {
            #expect(
                Set(journal.filter { $0.hasPrefix(step) }).count == 1, "\(step) has one key and one effect")
        }
    }
}
