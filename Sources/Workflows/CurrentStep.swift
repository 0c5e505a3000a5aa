import Synchronization

/// The step whose body runs in this task, for whoever it calls.
package struct CurrentStep: Sendable {
    /// The same in every try; at most 64 characters.
    package let key: String
    /// 1 for the first; a try that a crash ended counts, one that was postponed does not.
    package let attempt: Int
    private let counts = Counts()

    @TaskLocal package static var value: CurrentStep?

    init(key: String, attempt: Int) {
        self.key = key
        self.attempt = attempt
    }

    /// Tells several calls of one sort within a try apart: 1 for the first of that name, then 2.
    package func number(of name: String) -> Int {
        counts.byName.withLock { counts in
            counts[name, default: 0] += 1
            return counts[name]!
        }
    }

    private final class Counts: Sendable {
        let byName = Mutex<[String: Int]>([:])
    }
}
