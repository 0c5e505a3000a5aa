import Glibc

/// Whole files, read and replaced, in folders that nobody else may write: what others may do something to is
/// reached by way of `Folder`. All are small.
package enum Files {
    /// nil when there is none.
    package static func read(_ path: String) throws -> [UInt8]? {
        guard let file = fopen(path, "re") else {
            if errno == ENOENT { return nil }
            throw SystemError("open \(path)")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        guard ferror(file) == 0 else { throw SystemError("read \(path)") }
        return bytes
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The file holds the old bytes or the new ones, also after a power cut: written beside it, synced,
    /// renamed, and the rename synced.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws {
        // In containers that share a folder, every process may be number 1.
        let temporary = "\(path).\(getpid())-\(UInt32.random(in: .min ... .max)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw SystemError("create \(temporary)") }
        do {
            defer { close(descriptor) }
            guard fchmod(descriptor, mode) == 0 else { throw SystemError("chmod \(temporary)") }
            try writeAll(bytes, to: descriptor, temporary)
            guard fsync(descriptor) == 0 else { throw SystemError("fsync \(temporary)") }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else { throw SystemError("rename to \(path)") }
        try syncFolder(of: path)
    }

    /// One write, so that a line is never torn by another writer.
    package static func append(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path)
    }

    /// For its owner only, durable. Nothing happens when it is there; its parent is.
    package static func makeFolder(_ path: String) throws {
        if mkdir(path, 0o700) == 0 { return try syncFolder(of: path) }
        guard errno == EEXIST else { throw SystemError("create \(path)") }
    }

    package static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemError("remove \(path)") }
    }

    /// All of it, however often the kernel takes a part.
    package static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
        var offset = 0
        while offset < bytes.count {
            let written = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw SystemError("write \(path)") }
            offset += written
        }
    }

    /// What was created, renamed or removed in the folder of `path` is on the disk.
    package static func syncFolder(of path: String) throws {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError("fsync \(folder)") }
    }
}
