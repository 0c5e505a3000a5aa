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

    /// The step as one that was tried before: its call repeats one that another step has made.
    package var repeating: CurrentStep { CurrentStep(key: key, attempt: max(2, attempt)) }

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
