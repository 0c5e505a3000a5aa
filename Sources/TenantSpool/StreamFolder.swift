import DurableFiles
import Glibc

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The streams of one kind of record. The tenant's container may write in this folder whatever it likes: the
/// agent, which is root, reads and removes in it by way of `Folder` alone, and writes nothing.
package struct SpoolFolder: Sendable {
    private let folder: Folder

    /// - Parameter tenant: the tenant's own folder
    /// - Returns: nil when nothing was ever recorded
    package init?(_ route: SpoolRoute, in tenant: String) throws {
        guard let top = try Folder.open(tenant), let spool = try top.folder("spool"),
            let folder = try spool.folder(route.rawValue)
        else { return nil }
        self.folder = folder
    }

    /// Makes it where there is none. For the one who records.
    init(making route: SpoolRoute, in tenant: String) throws {
        guard let top = try Folder.open(tenant) else { throw SystemError("open \(tenant)") }
        folder = try top.makeFolder("spool").makeFolder(route.rawValue)
    }

    /// UUIDs in lower case, sorted.
    package func epochs() throws -> [String] { try folder.names().filter(Self.isEpoch).sorted() }

    static func isEpoch(_ name: String) -> Bool {
        name.utf8.count == 36 && UUID(uuidString: name)?.uuidString.lowercased() == name
    }

    /// nil when it is gone.
    package func stream(_ epoch: String) throws -> StreamFolder? {
        try folder.folder(epoch).map { StreamFolder(epoch: epoch, folder: $0) }
    }

    func makeStream() throws -> StreamFolder {
        let epoch = UUID().uuidString.lowercased()
        return StreamFolder(epoch: epoch, folder: try folder.makeFolder(epoch))
    }

    /// - Returns: false when something is left in it
    func remove(_ epoch: String) throws -> Bool { try folder.removeFolder(epoch) }

    /// Of all segments, read and unread.
    package func bytes() throws -> Int {
        try epochs().reduce(0) { sum, epoch in
            guard let stream = try stream(epoch) else { return sum }
            return try stream.segments().reduce(sum) { $0 + min($1.size, StreamFolder.Segment.maximumBytes) }
        }
    }
}

/// One stream, opened: its epoch, segments named by their first sequence, a lock that its writer holds, and
/// where it was begun.
package struct StreamFolder: Sendable {
    package let epoch: String
    package let folder: Folder

    static let lockName = "writer.lock"
    /// Which machine's which boot wrote it, on which file system.
    static let originName = "origin"

    struct Segment: Sendable, Equatable {
        /// Sequence of its first record.
        var first: Int
        /// In bytes.
        var size: Int
        /// Seconds since 1970.
        var changedAt: Int

        /// No writer writes longer ones: it begins another after `SpoolWriter.Limits.segmentBytes`, and one
        /// commit fits behind that. What is beyond is not read.
        static let maximumBytes = 32 << 20

        var name: String { Self.name(first: first) }

        static func name(first: Int) -> String {
            let digits = String(first)
            return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".log"
        }
    }

    /// In the order of their records. What else has such a name is none.
    func segments() throws -> [Segment] {
        try folder.names().compactMap { name in
            guard name.hasSuffix(".log"), let first = Int(name.dropLast(4)),
                SpoolRecord.sequences.contains(first), name == Segment.name(first: first),
                let status = try folder.status(name), status.isRegular
            else { return nil }
            return Segment(first: first, size: status.size, changedAt: status.changedAt)
        }.sorted { $0.first < $1.first }
    }
}

/// Where and when a stream was begun. An epoch lives within one boot of one machine and in one folder of one
/// file system: within these, a process that was killed leaves at most a line that is cut short. Anything
/// else (a power cut, a disk restored from a snapshot or copied) may give a sequence out twice.
enum StreamOrigin {
    static let maximumBytes = 200

    static func here(_ lock: OpenFile) throws -> [UInt8] {
        let status = try lock.status()
        let boot = try Files.read("/proc/sys/kernel/random/boot_id") ?? []
        let text = String(decoding: boot, as: UTF8.self).filter { !$0.isWhitespace }
        return Array("\(text) \(status.device) \(status.inode)\n".utf8)
    }
}
