import TenantProtocol

/// Runs `body`, and cancels it when the time is up.
/// - Throws: `timeout`, with `what` in its message, or what `body` throws
func within<Result: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw StageFailure(.timeout, "\(what) took longer than \(limit.inMilliseconds / 1000) s")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
