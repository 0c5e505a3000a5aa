/// Pauses between attempts: full jitter under a ceiling that doubles.
struct Backoff {
    private var ceiling: Duration
    private let maximum: Duration

    init(from first: Duration, upTo maximum: Duration) {
        ceiling = first
        self.maximum = maximum
    }

    /// At least a quarter of the ceiling, so that a burst of attempts cannot be drawn.
    mutating func next() -> Duration {
        defer { ceiling = min(ceiling * 2, maximum) }
        return ceiling * Double.random(in: 0.25...1)
    }
}
