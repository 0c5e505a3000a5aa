import Foundation
import Synchronization

/// Everything that happens, in order: two runs of a seed have the same hash, or something depends on more
/// than the seed. Written to a file, two traces show where they part.
final class Trace: Sendable {
    private struct State {
        var hash = Hash64()
        var count = 0
    }

    private let state = Mutex(State())
    private let scheduler: Scheduler
    private let file: FileHandle?

    /// - Parameter path: of a file that is written, nil for none.
    init(_ scheduler: Scheduler, path: String?) throws {
        self.scheduler = scheduler
        file = try path.map { path in
            try Data().write(to: URL(filePath: path))
            return try FileHandle(forWritingTo: URL(filePath: path))
        }
    }

    /// No secret, and nothing that the seed does not decide.
    func note(_ who: String, _ what: String) {
        let line = "\(scheduler.now) \(who) \(what)\n"
        state.withLock { state in
            state.hash.add(line)
            state.count += 1
        }
        try? file?.write(contentsOf: Data(line.utf8))
    }

    var hash: String { state.withLock { $0.hash.text } }
    var count: Int { state.withLock { $0.count } }
}
