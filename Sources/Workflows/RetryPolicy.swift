/// How often a failing step is tried again, and how long between: full jitter, that is a random time between
/// zero and a bound that doubles with every failure. The workflow holds no worker meanwhile.
package struct RetryPolicy: Sendable, Equatable {
    /// Tries in all, the first included.
    package var attempts: Int
    /// The bound of the first delay.
    package var base: Duration
    /// No delay is longer.
    package var cap: Duration
    /// From the step's first start; once it is past, the next failure is the last.
    package var deadline: Duration?

    package init(
        attempts: Int = 10, base: Duration = .milliseconds(500), cap: Duration = .seconds(30),
        deadline: Duration? = nil
    ) {
        precondition(
            attempts > 0 && base >= .zero && cap >= base, "a retry policy needs a try and a cap >= base")
        self.attempts = attempts
        self.base = base
        self.cap = cap
        self.deadline = deadline
    }

    /// Ten tries within about two and a half minutes.
    package static let `default` = RetryPolicy()
    /// The first failure is the last.
    package static let never = RetryPolicy(attempts: 1)

    /// The longest delay after the given number of failures, from 1.
    package func bound(afterFailures failures: Int) -> Duration {
        // 2^40 times any base that makes sense is past any cap; larger shifts would overflow.
        min(cap, base * (1 << min(max(failures, 1) - 1, 40)))
    }

    package func delay(
        afterFailures failures: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        bound(afterFailures: failures) * Double.random(in: 0...1, using: &generator)
    }

    func allowsAnother(afterFailures failures: Int, elapsed: Duration) -> Bool {
        failures < attempts && deadline.map { elapsed < $0 } ?? true
    }
}
