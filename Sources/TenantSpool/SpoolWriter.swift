import Dispatch
import DurableFiles
import Synchronization

/// Appends records to a folder of streams, each answered once it is on the disk. Records that come while the
/// disk is busy share its next sync.
package final class SpoolWriter: Sendable {
    package struct Limits: Sendable {
        /// Of all segments in the folder. At the limit nothing new is taken, and nothing old is dropped: a
        /// gigabyte is about four million events, or weeks of a busy organisation.
        package var maximumBytes: Int
        /// Of a segment, after which the next is begun: what is sent can be removed by segments only.
        package var segmentBytes: Int

        package init(maximumBytes: Int = 1 << 30, segmentBytes: Int = 8 << 20) {
            self.maximumBytes = maximumBytes
            self.segmentBytes = segmentBytes
        }
    }

    package enum Refusal: Error, Equatable, CustomStringConvertible {
        case full(limit: Int)
        case tooLong
        /// More records wait for the disk than may.
        case busy

        package var description: String {
            switch self {
            case .full(let limit):
                "the spool holds its limit of \(limit) bytes: the platform has not been reached for long"
            case .tooLong: "a record is longer than \(SpoolRecord.maximumPayloadBytes) bytes"
            case .busy: "more than \(SpoolWriter.maximumWaiting) records wait for the disk"
            }
        }
    }

    /// Records of one sync.
    static let maximumCommit = 1_000
    static let maximumWaiting = 20_000
    /// At the limit, how long a look at the folder holds.
    private static let lookSeconds: Duration = .seconds(1)

    private struct Waiting: Sendable {
        var payload: [UInt8]
        var answer: CheckedContinuation<Void, any Error>
    }

    private struct Queue {
        var waiting: [Waiting] = []
        var isFlushing = false
    }

    /// Touched by the queue's thread alone; the lock says so to the compiler.
    private struct Disk: ~Copyable {
        var writer: StreamWriter?
        /// Of all segments; nil: not looked yet.
        var bytes: Int?
        var lookedAt = ContinuousClock.now
    }

    private let route: SpoolRoute
    private let folder: String
    private let limits: Limits
    private let queue = Mutex(Queue())
    private let disk = Mutex(Disk())
    private let thread = DispatchQueue(label: "spool")

    /// Nothing is created before the first record.
    /// - Parameter folder: the tenant's own, which is there
    package init(_ route: SpoolRoute, in folder: String, limits: Limits = Limits()) {
        self.route = route
        self.folder = folder
        self.limits = limits
    }

    /// - Parameter payload: JSON on one line
    /// - Throws: `Refusal`, or the disk's error; the record may be kept all the same then, so that whoever
    ///   tries again does so under the same id
    package func record(_ payload: [UInt8]) async throws {
        guard payload.count <= SpoolRecord.maximumPayloadBytes else { throw Refusal.tooLong }
        precondition(!payload.contains(UInt8(ascii: "\n")), "a payload is one line")
        try await withCheckedThrowingContinuation { answer in
            let outcome = queue.withLock { queue -> (isRefused: Bool, begins: Bool) in
                guard queue.waiting.count < Self.maximumWaiting else { return (true, false) }
                queue.waiting.append(Waiting(payload: payload, answer: answer))
                defer { queue.isFlushing = true }
                return (false, !queue.isFlushing)
            }
            if outcome.isRefused { answer.resume(throwing: Refusal.busy) }
            if outcome.begins { thread.async { self.flush() } }
        }
    }

    private func flush() {
        while true {
            let batch = queue.withLock { queue -> [Waiting] in
                let batch = Array(queue.waiting.prefix(Self.maximumCommit))
                queue.waiting.removeFirst(batch.count)
                queue.isFlushing = !batch.isEmpty
                return batch
            }
            if batch.isEmpty { return }
            let result = Result { try disk.withLock { try write(batch.map(\.payload), &$0) } }
            for waiting in batch { waiting.answer.resume(with: result) }
        }
    }

    private func write(_ payloads: [[UInt8]], _ disk: inout Disk) throws {
        try checkRoom(&disk)
        let writer =
            try disk.writer
            ?? StreamWriter.anyOrNew(
                in: SpoolFolder(making: route, in: folder), segmentBytes: limits.segmentBytes)
        disk.writer = writer
        do {
            disk.bytes! += try writer.append(payloads)
        } catch {
            disk.writer = nil
            disk.bytes = nil
            throw error
        }
    }

    /// The reader removes segments meanwhile: at the limit the folder is looked at again.
    private func checkRoom(_ disk: inout Disk) throws {
        let now = ContinuousClock.now
        let isStale = disk.bytes.map { $0 >= limits.maximumBytes } ?? true
        if disk.bytes == nil || isStale && now - disk.lookedAt > Self.lookSeconds {
            disk.bytes = try SpoolFolder(route, in: folder)?.bytes() ?? 0
            disk.lookedAt = now
        }
        guard let bytes = disk.bytes, bytes < limits.maximumBytes else {
            throw Refusal.full(limit: limits.maximumBytes)
        }
    }
}
