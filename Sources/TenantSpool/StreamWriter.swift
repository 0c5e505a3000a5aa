import DurableFiles

/// Appends to one stream, as its only writer. Used by one thread at a time.
///
/// A record has its place once it is on the disk. When a write or a sync fails, this writer is done: another
/// takes the stream up from what is there.
final class StreamWriter {
    private let stream: StreamFolder
    /// Held for as long as this lives.
    private let lock: OpenFile
    private let segmentBytes: Int
    private var file: OpenFile
    private var segmentSize: Int
    private var next: Int
    private(set) var isBroken = false

    private init(
        _ stream: StreamFolder, lock: OpenFile, segmentBytes: Int, file: OpenFile, size: Int, next: Int
    ) {
        self.stream = stream
        self.lock = lock
        self.segmentBytes = segmentBytes
        self.file = file
        segmentSize = size
        self.next = next
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
            try file.append(bytes)
            try file.sync()
        } catch {
            isBroken = true
            throw error
        }
        next += payloads.count
        segmentSize += bytes.count
        return bytes.count
    }

    private func beginSegment() throws {
        file = try Self.createSegment(stream, first: next)
        segmentSize = 0
    }

    private static func createSegment(_ stream: StreamFolder, first: Int) throws -> OpenFile {
        try stream.folder.create(StreamFolder.Segment.name(first: first))
    }

    // MARK: Which stream

    /// Goes on with a stream of the folder that nobody writes and whose end is certain, or begins a new one.
    static func anyOrNew(in spool: SpoolFolder, segmentBytes: Int) throws -> StreamWriter {
        for epoch in try spool.epochs() {
            guard let stream = try? spool.stream(epoch) else { continue }
            if let writer = try? resume(stream, segmentBytes: segmentBytes) { return writer }
        }
        return try begin(try spool.makeStream(), segmentBytes: segmentBytes)
    }

    private static func begin(_ stream: StreamFolder, segmentBytes: Int) throws -> StreamWriter {
        guard let lock = try stream.folder.lock(StreamFolder.lockName) else {
            throw SystemError("lock \(stream.folder.path)")
        }
        try stream.folder.replace(StreamFolder.originName, with: try StreamOrigin.here(lock))
        let file = try createSegment(stream, first: 1)
        return StreamWriter(stream, lock: lock, segmentBytes: segmentBytes, file: file, size: 0, next: 1)
    }

    /// - Returns: nil unless the stream can be gone on with
    private static func resume(_ stream: StreamFolder, segmentBytes: Int) throws -> StreamWriter? {
        let folder = stream.folder
        guard let origin = try folder.read(StreamFolder.originName, atMost: StreamOrigin.maximumBytes),
            let lock = try folder.lock(StreamFolder.lockName), try origin == StreamOrigin.here(lock),
            let segment = try stream.segments().last,
            let file = try folder.file(segment.name, isWritten: true),
            let end = try wholeEnd(of: file, first: segment.first)
        else { return nil }
        try file.truncate(to: end.size)
        try file.sync()
        return StreamWriter(
            stream, lock: lock, segmentBytes: segmentBytes, file: file, size: end.size, next: end.next)
    }

    /// The end of the last whole line: behind it there may be one that was cut short, which nobody was told
    /// is kept.
    /// - Returns: nil when a line is not as it was written
    private static func wholeEnd(of file: OpenFile, first: Int) throws -> (size: Int, next: Int)? {
        let bytes = try file.read(atMost: StreamFolder.Segment.maximumBytes)
        var (size, next) = (0, first)
        while let newline = bytes[size...].firstIndex(of: UInt8(ascii: "\n")) {
            guard let record = SpoolRecord(bytes[size..<newline]), record.sequence == next else { return nil }
            size = newline + 1
            next += 1
        }
        return bytes.count - size < SpoolRecord.maximumLineBytes * SpoolWriter.maximumCommit
            ? (size, next) : nil
    }
}
