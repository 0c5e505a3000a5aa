import Arithmetic
import DurableFiles
import Glibc

/// One stream on the disk: a folder named by its epoch, with segments named by their first sequence, a lock
/// that its writer holds, and how far its reader has come.
package struct StreamFolder: Sendable, Equatable {
    package let path: String

    /// UUID, in lower case.
    package var epoch: String { String(path[path.index(after: path.lastIndex(of: "/")!)...]) }
    var lockPath: String { "\(path)/writer.lock" }
    /// Which machine's which boot wrote it, on which file system.
    var originPath: String { "\(path)/origin" }
    var progressPath: String { "\(path)/progress" }
    /// Records that the platform refused, one a file.
    package var quarantinePath: String { "\(path)/refused" }

    struct Segment: Sendable, Equatable {
        var path: String
        /// Sequence of its first record.
        var first: Int
    }

    /// In the order of their records.
    func segments() throws -> [Segment] {
        try Self.names(in: path).compactMap { name in
            guard name.hasSuffix(".log"), let first = Int(name.dropLast(4)),
                SpoolRecord.sequences.contains(first)
            else { return nil }
            return Segment(path: "\(path)/\(name)", first: first)
        }.sorted { $0.first < $1.first }
    }

    func segmentPath(first: Int) -> String {
        let digits = String(first)
        return "\(path)/" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".log"
    }

    /// Every stream below `folder`.
    package static func all(in folder: String) throws -> [StreamFolder] {
        try names(in: folder).sorted().filter(isEpoch).map { StreamFolder(path: "\(folder)/\($0)") }
    }

    static func isEpoch(_ name: String) -> Bool { name.utf8.count == 36 && !name.hasPrefix(".") }

    /// Empty where there is no folder.
    static func names(in folder: String) throws -> [String] {
        guard let directory = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw SystemError("open \(folder)")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// With its parents, readable by their owner only; durable.
    static func create(_ path: String) throws {
        if mkdir(path, 0o700) == 0 { return try Files.syncFolder(of: path) }
        if errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw SystemError("create \(path)")
        }
        try create(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SystemError("create \(path)") }
        try Files.syncFolder(of: path)
    }

    static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Of all segments below `folder`, read and unread.
    package static func bytes(in folder: String) throws -> Int {
        try all(in: folder).reduce(0) { sum, stream in
            try stream.segments().reduce(sum) { $0 +| size(of: $1.path) }
        }
    }
}

/// Where and when a stream was begun. An epoch lives within one boot of one machine and in one folder of one
/// file system: within these, a process that was killed leaves at most a line that is cut short. Anything
/// else (a power cut, a disk restored from a snapshot or copied) may give a sequence out twice.
enum StreamOrigin {
    static func here(_ lock: Int32) throws -> [UInt8] {
        var status = stat()
        guard fstat(lock, &status) == 0 else { throw SystemError("stat of a stream's lock") }
        let boot = try Files.read("/proc/sys/kernel/random/boot_id") ?? []
        let text = String(decoding: boot, as: UTF8.self).filter { !$0.isWhitespace }
        return Array("\(text) \(status.st_dev) \(status.st_ino)\n".utf8)
    }
}
