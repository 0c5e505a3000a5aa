import FoundationEssentials
import Logging
import Postgres
import TenantProtocol
import Workflows

/// Commits concurrent boot events together: while one statement is under way, the events that arrive wait for
/// the next. Each caller is answered only after the commit that holds its event.
package actor BootEventInbox {
    /// Events of one statement at most.
    package static let maximumBatch = 500

    private struct Waiting {
        var events: [PresentedBootEvent]
        var answer: CheckedContinuation<Bool, any Error>
    }

    private let database: PostgresPool
    private let engine: WorkflowEngine
    private var waiting: [Waiting] = []
    private var isCommitting = false

    package init(database: PostgresPool, engine: WorkflowEngine) {
        self.database = database
        self.engine = engine
    }

    /// - Parameter events: of one credential.
    /// - Returns: whether the credential was right; false stores nothing.
    package func submit(_ events: [PresentedBootEvent]) async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(Waiting(events: events, answer: continuation))
            guard !isCommitting else { return }
            isCommitting = true
            Task { await commitAll() }
        }
    }

    private func commitAll() async {
        while !waiting.isEmpty {
            let batch = takeBatch()
            do {
                let allowed = try await commit(batch.flatMap(\.events))
                answer(batch, allowed)
            } catch {
                for entry in batch { entry.answer.resume(throwing: error) }
            }
        }
        isCommitting = false
    }

    private func takeBatch() -> [Waiting] {
        var count = 0
        var size = 0
        while count < waiting.count, count == 0 || size + waiting[count].events.count <= Self.maximumBatch {
            size += waiting[count].events.count
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    private func commit(_ events: [PresentedBootEvent]) async throws -> [Bool] {
        try await database.transaction { [engine] transaction in
            let allowed = try await BootEventStore(database: transaction).insert(events)
            let awaited = zip(events, allowed).filter { $1 && $0.event.outcome != .started }
            for org in Set(awaited.map(\.0.orgID)).sorted(by: { $0.text < $1.text }) {
                try await engine.wake(subject: org.text, in: transaction)
            }
            return allowed
        }
    }

    private func answer(_ batch: [Waiting], _ allowed: [Bool]) {
        var position = 0
        for entry in batch {
            entry.answer.resume(returning: allowed[position])
            position += entry.events.count
        }
    }
}
