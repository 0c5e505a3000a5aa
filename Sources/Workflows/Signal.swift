/// Something may have changed: look again. Signals that come while nobody waits count as one.
final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func send() { continuation.yield() }

    /// Returns at the next signal, after `limit`, or when the task is cancelled. One waiter at a time.
    func wait(atMost limit: Duration) async {
        let alarm = Task { [continuation] in
            try await Task.sleep(for: limit)
            continuation.yield()
        }
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        alarm.cancel()
    }
}
