/// Where an engine takes its time and its chance from: the system's, or those of a simulation.
///
/// Only differences of instants matter. What is due is decided by the database's clock.
package struct WorkflowTime: Sendable {
    package var now: @Sendable () -> ContinuousClock.Instant
    /// Throws `CancellationError` when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void
    /// 64 random bits, for the spread of retries; never for secrets.
    package var random: @Sendable () -> UInt64

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    package static let system = WorkflowTime(
        now: { .now }, sleep: { try await Task.sleep(for: $0) },
        random: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })

    var generator: Generator { Generator(random: random) }

    struct Generator: RandomNumberGenerator {
        let random: @Sendable () -> UInt64
        mutating func next() -> UInt64 { random() }
    }
}
