import Arithmetic
import DurableFiles
import Glibc

/// Removes what the platform has, once it is old enough that it will not be asked for again.
package enum StreamRetention {
    package static let keptSeconds = 7 * 24 * 3_600

    /// - Parameter now: seconds since 1970
    /// - Returns: how many segments went
    /// - Throws: the first failure, once every stream has had its turn
    package static func tidy(_ folder: String, now: Int, keptSeconds: Int = keptSeconds) throws -> Int {
        var count = 0
        var failure: (any Error)?
        for stream in try StreamFolder.all(in: folder) {
            do {
                count += try tidy(stream, before: now -| keptSeconds)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return count
    }

    private static func tidy(_ stream: StreamFolder, before limit: Int) throws -> Int {
        let progress = try StreamProgress.load(stream)
        var segments = try stream.segments()
        var count = 0
        // Of a segment whose follower begins at or before the next record, all is acknowledged.
        while segments.count > 1, segments[1].first <= progress.acknowledged + 1,
            changed(segments[0].path) < limit
        {
            try Files.remove(segments.removeFirst().path)
            count += 1
        }
        return count + (try removeEnded(stream, segments, progress, before: limit))
    }

    /// The whole stream, where nobody writes it, all of it was sent and told, and nothing was refused.
    private static func removeEnded(
        _ stream: StreamFolder, _ segments: [StreamFolder.Segment], _ progress: StreamProgress,
        before limit: Int
    ) throws -> Int {
        guard segments.count <= 1, progress.lost.isEmpty, progress.refused == 0,
            segments.allSatisfy({ changed($0.path) < limit }), changed(stream.path) < limit,
            let lock = try FileLock.acquireNow(stream.lockPath)
        else { return 0 }
        defer { withExtendedLifetime(lock) {} }
        var reader = StreamReader(stream, after: progress.acknowledged)
        guard try reader.read(atMost: 1, bytes: SpoolRecord.maximumLineBytes).isEmpty else { return 0 }
        for segment in segments { try Files.remove(segment.path) }
        for path in [stream.originPath, stream.progressPath, stream.lockPath] { try Files.remove(path) }
        guard rmdir(stream.path) == 0 || errno == ENOTEMPTY else {
            throw SystemError("remove \(stream.path)")
        }
        return segments.count
    }

    private static func changed(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_mtim.tv_sec) : .max
    }
}
