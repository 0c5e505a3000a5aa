import DurableFiles
import Glibc
import TenantProtocol

/// Reads a stream in order, from wherever it is told to. What it hands out is on the disk for good: it syncs
/// what it has read before it says so.
struct StreamReader: Sendable {
    let stream: StreamFolder
    /// Where the next read begins, so that it need not search.
    private var position: (segment: StreamFolder.Segment, offset: Int)?
    /// Sequence of the next record.
    private(set) var next: Int

    init(_ stream: StreamFolder, after acknowledged: Int) {
        self.stream = stream
        next = acknowledged + 1
    }

    struct Batch: Sendable, Equatable {
        /// Consecutive.
        var records: [SpoolRecord] = []
        /// Places before the first record, or behind the last, whose records cannot be read.
        var lost: SequenceRange?

        var isEmpty: Bool { records.isEmpty && lost == nil }
    }

    /// The next records, as many as fit; empty at the end of what is whole.
    mutating func read(atMost count: Int, bytes: Int) throws -> Batch {
        var batch = Batch()
        var left = bytes
        let segments = try stream.segments()
        guard var segment = position?.segment ?? segments.last(where: { $0.first <= next }) ?? segments.first
        else { return batch }
        var offset = position?.offset ?? 0
        while batch.records.count < count, left > 0 {
            let chunk = try Self.chunk(of: segment.path, from: offset, bytes: left)
            let taken = take(chunk, &batch, atMost: count, bytes: &left)
            offset += taken.bytes
            if taken.isOver { break }
            guard taken.bytes == 0 else { continue }
            guard let following = segments.first(where: { $0.first > segment.first }) else { break }
            if batch.records.isEmpty, following.first > next { lose(upTo: following.first - 1, &batch) }
            (segment, offset) = (following, 0)
            if batch.lost != nil { break }
        }
        position = (segment, offset)
        return batch
    }

    private mutating func lose(upTo last: Int, _ batch: inout Batch) {
        batch.lost = SequenceRange(from: next, to: last)
        next = last + 1
    }

    /// Takes whole lines off `chunk` until the batch is full, or a place is missing.
    private mutating func take(
        _ chunk: [UInt8], _ batch: inout Batch, atMost count: Int, bytes left: inout Int
    ) -> (bytes: Int, isOver: Bool) {
        var start = 0
        while let newline = chunk[start...].firstIndex(of: UInt8(ascii: "\n")) {
            // A line that is not as it was written is missed when the next one shows its place.
            guard let record = SpoolRecord(chunk[start..<newline]), record.sequence >= next else {
                start = newline + 1
                continue
            }
            if record.sequence > next {
                if batch.records.isEmpty { lose(upTo: record.sequence - 1, &batch) }
                return (start, true)
            }
            guard batch.records.count < count, record.payload.count < left else { return (start, true) }
            batch.records.append(record)
            left -= record.payload.count + 1
            next += 1
            start = newline + 1
        }
        return (start, false)
    }

    /// Synced, so that no power cut takes back what is read.
    private static func chunk(of path: String, from offset: Int, bytes: Int) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return [] }
            throw SystemError("open \(path)")
        }
        defer { close(file) }
        var chunk = [UInt8](repeating: 0, count: bytes + SpoolRecord.maximumLineBytes)
        var count = 0
        while count < chunk.count {
            let part = chunk[count...].withUnsafeMutableBytes {
                pread(file, $0.baseAddress, $0.count, off_t(offset + count))
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw SystemError("read \(path)") }
            if part == 0 { break }
            count += part
        }
        guard fdatasync(file) == 0 else { throw SystemError("sync \(path)") }
        return Array(chunk.prefix(count))
    }
}
