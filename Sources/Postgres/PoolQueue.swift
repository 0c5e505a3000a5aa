import Synchronization

/// Who holds a connection and who waits for one. Pure bookkeeping under one lock; nothing here blocks.
/// Waiters are served first come, first served, and a returned connection goes straight to the first.
final class PoolQueue: Sendable {
    enum Grant: Sendable {
        case connection(Connection)
        /// Permission to open one more.
        case slot
    }

    enum Refusal: Error {
        case timedOut
        case closed
    }

    private struct State {
        var idle: [Connection] = []
        var inUse = 0
        var waiters: [(id: UInt64, continuation: CheckedContinuation<Grant, any Error>)] = []
        var nextWaiter: UInt64 = 0
        /// Those between asking and waiting, with the refusal that already reached them.
        var arriving: [UInt64: (any Error)?] = [:]
        var closed = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// A connection, a slot, or a wait of at most `limit`. Cancelling the task ends the wait at once.
    func acquire(waitingAtMost wait: Duration) async throws -> Grant {
        if let grant = try state.withLock({ try immediateGrant(&$0) }) { return grant }
        let id = state.withLock { state in
            state.nextWaiter += 1
            state.arriving.updateValue(nil, forKey: state.nextWaiter)
            return state.nextWaiter
        }
        let alarm = Task {
            try await Task.sleep(for: wait)
            refuse(id, Refusal.timedOut)
        }
        defer { alarm.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { enqueue(id, $0) }
        } onCancel: {
            refuse(id, CancellationError())
        }
    }

    func release(_ connection: Connection) {
        let spare: Connection? = state.withLock { state in
            if !connection.isReusable || state.closed {
                releaseSlot(&state)
                return connection
            }
            if state.waiters.isEmpty {
                state.inUse -= 1
                state.idle.append(connection)
            } else {
                state.waiters.removeFirst().continuation.resume(returning: .connection(connection))
            }
            return nil
        }
        if let spare { Task { await spare.close() } }
    }

    /// Gives back a slot whose connection could not be opened.
    func releaseSlot() {
        state.withLock { releaseSlot(&$0) }
    }

    /// Refuses all who wait and will come, and hands out the idle connections to be closed.
    func close() -> [Connection] {
        state.withLock { state in
            state.closed = true
            state.waiters.forEach { $0.continuation.resume(throwing: Refusal.closed) }
            state.waiters.removeAll()
            defer { state.idle.removeAll() }
            return state.idle
        }
    }

    var counts: (idle: Int, inUse: Int, waiting: Int) {
        state.withLock { ($0.idle.count, $0.inUse, $0.waiters.count) }
    }

    private func immediateGrant(_ state: inout State) throws -> Grant? {
        if state.closed { throw Refusal.closed }
        if let connection = state.idle.popLast() {
            state.inUse += 1
            return .connection(connection)
        }
        guard state.inUse < limit else { return nil }
        state.inUse += 1
        return .slot
    }

    private func releaseSlot(_ state: inout State) {
        if state.waiters.isEmpty {
            state.inUse -= 1
        } else {
            state.waiters.removeFirst().continuation.resume(returning: .slot)
        }
    }

    private func enqueue(_ id: UInt64, _ continuation: CheckedContinuation<Grant, any Error>) {
        state.withLock { state in
            if let refusal = state.arriving.removeValue(forKey: id) ?? nil {
                continuation.resume(throwing: refusal)
                return
            }
            // Between the first look and now a connection may have come back.
            do {
                if let grant = try immediateGrant(&state) {
                    continuation.resume(returning: grant)
                } else {
                    state.waiters.append((id, continuation))
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private func refuse(_ id: UInt64, _ error: any Error) {
        state.withLock { state in
            if let index = state.waiters.firstIndex(where: { $0.id == id }) {
                state.waiters.remove(at: index).continuation.resume(throwing: error)
            } else if state.arriving.keys.contains(id) {
                state.arriving.updateValue(error, forKey: id)
            }
        }
    }
}
