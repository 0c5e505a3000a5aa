import DurableFiles
import Glibc
import TenantProtocol

/// Reads a stream in order, from wherever it is told to. What it hands out is on the disk for good: it syncs
/// what it has read before it says so. Nothing that is in a stream costs it more than its limits.
struct StreamReader: Sendable {
    /// Where the next read begins, so that it need not search.
    private var position: (first: Int, offset: Int)?
    /// Sequence of the next record.
    private(set) var next: Int

    /// Passed over in one read, for records that are known or lines that are none: a segment's worth.
    static let maximumScannedBytes = StreamFolder.Segment.maximumBytes

    init(after acknowledged: Int) { next = acknowledged + 1 }

    struct Batch: Sendable, Equatable {
        /// Consecutive.
        var records: [SpoolRecord] = []
        /// Places before the first record, or behind the last, whose records cannot be read.
        var lost: SequenceRange?

        var isEmpty: Bool { records.isEmpty && lost == nil }
    }

    /// The next records, as many as fit; empty at the end of what is whole.
    mutating func read(_ stream: StreamFolder, atMost count: Int, bytes: Int) throws -> Batch {
        var batch = Batch()
        var left = bytes
        var scanned = 0
        let segments = try stream.segments()
        guard
            var segment = segments.first(where: { $0.first == position?.first })
                ?? segments.last(where: { $0.first <= next }) ?? segments.first
        else { return batch }
        var offset = position?.first == segment.first ? position?.offset ?? 0 : 0
        while batch.records.count < count, left > 0, scanned < Self.maximumScannedBytes {
            let chunk = try Self.chunk(of: segment, in: stream, from: offset, bytes: left)
            let taken = take(chunk, &batch, atMost: count, bytes: &left)
            offset += taken.bytes
            scanned += taken.bytes
            if taken.isOver { break }
            guard taken.bytes == 0 else { continue }
            guard let following = segments.first(where: { $0.first > segment.first }) else { break }
            if batch.records.isEmpty, following.first > next { lose(upTo: following.first - 1, &batch) }
            (segment, offset) = (following, 0)
            if batch.lost != nil { break }
        }
        position = (segment.first, offset)
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
        while let newline = Self.newline(in: chunk, from: start) {
            // A line that is not as it was written is missed when the next one shows its place.
            guard newline - start >= SpoolRecord.minimumLineBytes,
                let record = SpoolRecord(chunk[start..<newline]), record.sequence >= next
            else {
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

    private static func newline(in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress,
                let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// Synced, so that no power cut takes back what is read.
    private static func chunk(
        of segment: StreamFolder.Segment, in stream: StreamFolder, from offset: Int, bytes: Int
    ) throws -> [UInt8] {
        let room = StreamFolder.Segment.maximumBytes - offset
        guard room > 0, let file = try stream.folder.file(segment.name) else { return [] }
        let chunk = try file.read(from: offset, atMost: min(room, bytes + SpoolRecord.maximumLineBytes))
        try file.sync()
        return chunk
    }
}
