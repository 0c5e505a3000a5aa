import Glibc

/// A regular file of a `Folder`, open for as long as this lives.
package final class OpenFile: Sendable {
    /// For errors only.
    package let path: String
    private let descriptor: Int32

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    package func status() throws -> Folder.Status {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("stat \(path)") }
        return Folder.Status(status)
    }

    /// As much as there is, at most `count` bytes.
    package func read(from offset: Int = 0, atMost count: Int) throws -> [UInt8] {
        // No more memory than the file says that it needs; one byte more shows that it has grown.
        let left = max(0, try status().size - offset)
        let size = left < count ? left + 1 : count
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let part = bytes[filled...].withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, off_t(offset + filled))
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw SystemError("read \(path)") }
            if part == 0 { break }
            filled += part
        }
        return Array(bytes.prefix(filled))
    }

    /// Behind what is there, all of it.
    package func append(_ bytes: [UInt8]) throws { try Files.writeAll(bytes, to: descriptor, path) }

    package func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw SystemError("truncate \(path)") }
    }

    /// On the disk, with the attributes that finding it again needs.
    package func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw SystemError("sync \(path)") }
    }

    /// For this process until it closes the file or ends.
    /// - Returns: false when another one has it
    package func lock() throws -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw SystemError("lock \(path)") }
        return false
    }
}
