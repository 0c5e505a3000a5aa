import DurableFiles
import Glibc

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Appends to one stream, as its only writer. Used by one thread at a time.
///
/// A record has its place once it is on the disk. When a write or a sync fails, this writer is done: another
/// takes the stream up from what is there.
final class StreamWriter {
    private let folder: StreamFolder
    private let lock: Int32
    private let segmentBytes: Int
    private var file: Int32
    private var segmentSize: Int
    private var next: Int
    private(set) var isBroken = false

    private init(
        _ folder: StreamFolder, lock: Int32, segmentBytes: Int, file: Int32, size: Int, next: Int
    ) {
        self.folder = folder
        self.lock = lock
        self.segmentBytes = segmentBytes
        self.file = file
        segmentSize = size
        self.next = next
    }

    deinit {
        close(file)
        close(lock)
    }

    /// All of them, in one write and one sync.
    /// - Returns: bytes written
    func append(_ payloads: [[UInt8]]) throws -> Int {
        precondition(!isBroken, "a writer that failed writes no more")
        var bytes: [UInt8] = []
        for (offset, payload) in payloads.enumerated() {
            bytes += SpoolRecord(sequence: next + offset, payload: payload).line
        }
        do {
            if segmentSize >= segmentBytes { try beginSegment() }
            try Files.writeAll(bytes, to: file, folder.path)
            guard fdatasync(file) == 0 else { throw SystemError("sync \(folder.path)") }
        } catch {
            isBroken = true
            throw error
        }
        next += payloads.count
        segmentSize += bytes.count
        return bytes.count
    }

    private func beginSegment() throws {
        let fresh = try Self.createSegment(folder, first: next)
        close(file)
        file = fresh
        segmentSize = 0
    }

    private static func createSegment(_ folder: StreamFolder, first: Int) throws -> Int32 {
        let path = folder.segmentPath(first: first)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError("create \(path)") }
        do {
            try Files.syncFolder(of: path)
        } catch {
            close(file)
            throw error
        }
        return file
    }

    // MARK: Which stream

    /// Goes on with a stream of `folder` that nobody writes and whose end is certain, or begins a new one.
    static func anyOrNew(in folder: String, segmentBytes: Int) throws -> StreamWriter {
        for stream in try StreamFolder.all(in: folder) {
            if let writer = try? resume(stream, segmentBytes: segmentBytes) { return writer }
        }
        return try begin(in: folder, segmentBytes: segmentBytes)
    }

    private static func begin(in folder: String, segmentBytes: Int) throws -> StreamWriter {
        let stream = StreamFolder(path: "\(folder)/\(UUID().uuidString.lowercased())")
        try StreamFolder.create(stream.path)
        guard let lock = try takeLock(stream) else { throw SystemError("lock \(stream.lockPath)") }
        do {
            try Files.replace(stream.originPath, with: try StreamOrigin.here(lock))
            let file = try createSegment(stream, first: 1)
            return StreamWriter(
                stream, lock: lock, segmentBytes: segmentBytes, file: file, size: 0, next: 1)
        } catch {
            close(lock)
            throw error
        }
    }

    /// - Returns: nil when somebody else has it, or it has been removed
    private static func takeLock(_ stream: StreamFolder) throws -> Int32? {
        let lock = open(stream.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw SystemError("open \(stream.lockPath)") }
        var status = stat()
        if flock(lock, LOCK_EX | LOCK_NB) == 0, fstat(lock, &status) == 0, status.st_nlink > 0 { return lock }
        close(lock)
        return nil
    }

    /// - Returns: nil unless the stream can be gone on with
    private static func resume(_ stream: StreamFolder, segmentBytes: Int) throws -> StreamWriter? {
        guard Files.exists(stream.originPath), let lock = try takeLock(stream) else { return nil }
        do {
            guard try Files.read(stream.originPath) == StreamOrigin.here(lock),
                let segment = try stream.segments().last, let end = try wholeEnd(of: segment),
                let progress = try? StreamProgress.load(stream), progress.acknowledged < end.next,
                // Far from the last place that there is: what it writes has places.
                end.next < SpoolRecord.sequences.upperBound / 2
            else {
                close(lock)
                return nil
            }
            let file = open(segment.path, O_WRONLY | O_APPEND | O_CLOEXEC)
            guard file >= 0 else { throw SystemError("open \(segment.path)") }
            guard ftruncate(file, off_t(end.size)) == 0, fsync(file) == 0 else {
                close(file)
                throw SystemError("truncate \(segment.path)")
            }
            return StreamWriter(
                stream, lock: lock, segmentBytes: segmentBytes, file: file, size: end.size, next: end.next)
        } catch {
            close(lock)
            throw error
        }
    }

    /// The end of the last whole line: behind it there may be one that was cut short, which nobody was told
    /// is kept.
    /// - Returns: nil when a line is not as it was written
    private static func wholeEnd(
        of segment: StreamFolder.Segment
    ) throws -> (size: Int, next: Int)? {
        let bytes = try Files.read(segment.path) ?? []
        var (size, next) = (0, segment.first)
        while let newline = bytes[size...].firstIndex(of: UInt8(ascii: "\n")) {
            guard let record = SpoolRecord(bytes[size..<newline]), record.sequence == next else { return nil }
            size = newline + 1
            next += 1
        }
        return bytes.count - size < SpoolRecord.maximumLineBytes * SpoolWriter.maximumCommit
            ? (size, next) : nil
    }
}
