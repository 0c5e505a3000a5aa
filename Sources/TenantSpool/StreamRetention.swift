import Arithmetic
import DurableFiles

/// Removes what the platform has, once it is old enough that it will not be asked for again.
package struct StreamRetention: Sendable {
    let spool: SpoolFolder
    let delivery: DeliveryFolder
    /// Seconds since 1970: what has changed since stays.
    let limit: Int

    package static let keptSeconds = 7 * 24 * 3_600

    /// - Parameter now: seconds since 1970
    package init(
        _ spool: SpoolFolder, _ delivery: DeliveryFolder, now: Int, keptSeconds: Int = Self.keptSeconds
    ) {
        self.spool = spool
        self.delivery = delivery
        limit = now -| keptSeconds
    }

    /// - Returns: how many segments went
    /// - Throws: the first stream's error, once all others are tidied
    package func tidy() throws -> Int {
        let epochs = try spool.epochs()
        try delivery.forget(allBut: Set(epochs))
        var count = 0
        var failure: (any Error)?
        for epoch in epochs {
            do {
                if let stream = try spool.stream(epoch) { count += try tidy(stream) }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return count
    }

    private func tidy(_ stream: StreamFolder) throws -> Int {
        let progress = try delivery.progress(of: stream)
        var segments = try stream.segments()
        var count = 0
        // Of a segment whose follower begins at or before the next record, all is acknowledged.
        while segments.count > 1, segments[1].first <= progress.acknowledged + 1,
            segments[0].changedAt < limit
        {
            try stream.folder.remove(segments.removeFirst().name)
            count += 1
        }
        return count + (try removeEnded(stream, segments, progress))
    }

    /// The whole stream, where nobody writes it, all of it was sent and told, and nothing was refused.
    private func removeEnded(
        _ stream: StreamFolder, _ segments: [StreamFolder.Segment], _ progress: StreamProgress
    ) throws -> Int {
        guard segments.count <= 1, progress.lost.isEmpty, progress.refused == 0,
            segments.allSatisfy({ $0.changedAt < limit }),
            let movedAt = try delivery.movedAt(stream), movedAt < limit
        else { return 0 }
        let lock = try stream.folder.file(StreamFolder.lockName)
        defer { withExtendedLifetime(lock) {} }
        guard try lock?.lock() ?? true else { return 0 }
        var reader = StreamReader(after: progress.acknowledged)
        let rest = try reader.read(stream, atMost: 1, bytes: SpoolRecord.maximumLineBytes)
        guard rest.isEmpty else { return 0 }
        for segment in segments { try stream.folder.remove(segment.name) }
        for name in [StreamFolder.originName, StreamFolder.lockName, DeliveryFolder.earlierName] {
            try stream.folder.remove(name)
        }
        if try spool.remove(stream.epoch) { try delivery.forget(stream.epoch) }
        return segments.count
    }
}
