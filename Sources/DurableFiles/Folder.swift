import Glibc

/// An opened directory in which somebody who is not trusted may write too, and what is done in it by name.
///
/// A path that was checked may be another one by the time that it is used. Here every name is looked up in
/// the directory that is already open (`openat` and its like) and never through a symbolic link. A file is
/// first held without being opened (`O_PATH`), so that a FIFO blocks nobody and a device notices nothing;
/// what is then opened is that same regular file, of a permitted owner and with a single name. Everything
/// that is read has a limit.
package final class Folder: Sendable {
    /// For errors only.
    package let path: String
    let descriptor: Int32
    /// Whose files are taken beside those of this process; nil: everybody's.
    private let owner: uid_t?

    private init(descriptor: Int32, path: String, owner: uid_t?) {
        self.descriptor = descriptor
        self.path = path
        self.owner = owner
    }

    deinit { close(descriptor) }

    /// What is in the way is not what may be used here: somebody has put it there.
    package struct Unsuitable: Error, Equatable, CustomStringConvertible {
        package var path: String
        package var reason: String

        package init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }

        package var description: String { "\(path) is not used: \(reason)" }
    }

    /// Entries of one directory that are read; what is beyond is as if it were not there.
    package static let maximumNames = 10_000
    static let maximumDepth = 32

    /// - Parameters:
    ///   - path: its parents are trusted; it may itself not be a symbolic link
    ///   - isOpenToAnyOwner: false: of what is in it, only what belongs to its own owner or to this process
    ///     is used
    /// - Returns: nil when there is none
    package static func open(_ path: String, isOpenToAnyOwner: Bool = false) throws -> Folder? {
        guard let descriptor = try openDirectory(AT_FDCWD, path, path) else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let failure = SystemError("stat \(path)")
            close(descriptor)
            throw failure
        }
        return Folder(descriptor: descriptor, path: path, owner: isOpenToAnyOwner ? nil : status.st_uid)
    }

    /// Made, for its owner only, where there is none; its parent is there.
    @discardableResult
    package static func make(_ path: String) throws -> Folder {
        try Files.makeFolder(path)
        guard let folder = try open(path) else { throw SystemError("open \(path)") }
        return folder
    }

    private static func openDirectory(_ parent: Int32, _ name: String, _ path: String) throws -> Int32? {
        let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if descriptor >= 0 { return descriptor }
        switch errno {
        case ENOENT: return nil
        case ENOTDIR, ELOOP: throw Unsuitable(path: path, reason: "it is no directory")
        default: throw SystemError("open \(path)")
        }
    }

    // MARK: Directories

    /// nil when there is none.
    package func folder(_ name: String) throws -> Folder? {
        let path = try path(of: name)
        guard let descriptor = try Self.openDirectory(descriptor, name, path) else { return nil }
        let folder = Folder(descriptor: descriptor, path: path, owner: owner)
        try checkOwner(try folder.status().owner, path)
        return folder
    }

    /// Makes it where there is none, for its owner only; durable.
    package func makeFolder(_ name: String) throws -> Folder {
        let path = try path(of: name)
        if mkdirat(descriptor, name, 0o700) == 0 {
            try sync()
        } else if errno != EEXIST {
            throw SystemError("create \(path)")
        }
        guard let folder = try folder(name) else { throw SystemError("open \(path)") }
        return folder
    }

    /// Of everything in it, at most `maximumNames`. A name that is no UTF-8 is left out.
    package func names() throws -> [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw SystemError("open \(path)") }
        guard let directory = fdopendir(copy) else {
            let failure = SystemError("open \(path)")
            close(copy)
            throw failure
        }
        defer { closedir(directory) }
        var names: [String] = []
        while names.count < Self.maximumNames, let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// What was created, renamed or removed in it is on the disk.
    package func sync() throws {
        guard fsync(descriptor) == 0 else { throw SystemError("fsync \(path)") }
    }

    // MARK: Files

    /// nil when there is none of this name.
    package func status(_ name: String) throws -> Status? {
        let path = try path(of: name)
        var status = stat()
        if fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return Status(status) }
        if errno == ENOENT { return nil }
        throw SystemError("stat \(path)")
    }

    /// Of the directory itself.
    package func status() throws -> Status {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("stat \(path)") }
        return Status(status)
    }

    /// A regular file; nil when there is none of this name.
    package func file(_ name: String, isWritten: Bool = false) throws -> OpenFile? {
        let path = try path(of: name)
        let handle = openat(descriptor, name, openingNothing | O_NOFOLLOW | O_CLOEXEC)
        guard handle >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemError("open \(path)")
        }
        defer { close(handle) }
        var status = stat()
        guard fstat(handle, &status) == 0 else { throw SystemError("stat \(path)") }
        try check(Status(status), path)
        // By way of the descriptor it can be no other file. Not blocking, as its owner may hold a lease on
        // it.
        let flags = (isWritten ? O_RDWR | O_APPEND : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let file = Glibc.open("/proc/self/fd/\(handle)", flags)
        guard file >= 0 else { throw SystemError("open \(path)") }
        return OpenFile(descriptor: file, path: path)
    }

    private func check(_ status: Status, _ path: String) throws {
        guard status.isRegular else { throw Unsuitable(path: path, reason: "it is no regular file") }
        guard status.links <= 1 else { throw Unsuitable(path: path, reason: "it has another name") }
        try checkOwner(status.owner, path)
    }

    private func checkOwner(_ uid: uid_t, _ path: String) throws {
        guard let owner, uid != owner, uid != geteuid() else { return }
        throw Unsuitable(path: path, reason: "it belongs to user \(uid)")
    }

    /// nil when there is none.
    /// - Parameter limit: in bytes; a longer file is not read at all
    package func read(_ name: String, atMost limit: Int) throws -> [UInt8]? {
        guard let file = try file(name) else { return nil }
        let bytes = try file.read(atMost: limit + 1)
        guard bytes.count <= limit else {
            throw Unsuitable(path: file.path, reason: "it is longer than \(limit) bytes")
        }
        return bytes
    }

    /// A file that nobody has made before, for its owner only; its name is durable.
    package func create(_ name: String, mode: mode_t = 0o600) throws -> OpenFile {
        let path = try path(of: name)
        let flags = O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC
        let file = openat(descriptor, name, flags, mode)
        guard file >= 0 else { throw SystemError("create \(path)") }
        let opened = OpenFile(descriptor: file, path: path)
        guard fchmod(file, mode) == 0 else { throw SystemError("chmod \(path)") }
        try sync()
        return opened
    }

    /// An exclusive lock on a file of that name, which is made where there is none. Held until it is closed.
    /// - Returns: nil when another one has it, or the name is taken away and given again all the time
    package func lock(_ name: String) throws -> OpenFile? {
        for _ in 0..<3 {
            let file: OpenFile
            if let found = try self.file(name, isWritten: true) {
                file = found
            } else {
                do {
                    file = try create(name)
                } catch let error as SystemError where error.code == EEXIST {
                    continue
                }
            }
            guard try file.lock() else { return nil }
            // Removed before it was locked, it keeps nobody else away.
            if try file.status().links > 0 { return file }
        }
        return nil
    }

    /// The name stands for the old bytes or the new ones, also after a power cut. Whatever had the name is
    /// not touched: neither what a symbolic link leads to nor the other names of a file.
    package func replace(_ name: String, with bytes: [UInt8], mode: mode_t = 0o600) throws {
        let path = try path(of: name)
        let temporary = "\(name).\(UInt64.random(in: .min ... .max)).new"
        do {
            let file = try create(temporary, mode: mode)
            try file.append(bytes)
            try file.sync()
            guard renameat(descriptor, temporary, descriptor, name) == 0 else {
                throw SystemError("rename to \(path)")
            }
        } catch {
            unlinkat(descriptor, temporary, 0)
            throw error
        }
        try sync()
    }

    /// A name of no directory. Nothing happens when there is none.
    package func remove(_ name: String) throws {
        let path = try path(of: name)
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
            throw SystemError("remove \(path)")
        }
    }

    /// - Returns: false when it is not empty
    package func removeFolder(_ name: String) throws -> Bool {
        let path = try path(of: name)
        if unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return true }
        if errno == ENOTEMPTY || errno == EEXIST { return false }
        throw SystemError("remove \(path)")
    }

    /// Everything in it. What appears meanwhile may stay.
    package func removeContents(depth: Int = 0) throws {
        for name in try names() {
            guard try status(name)?.isFolder == true else {
                try remove(name)
                continue
            }
            if depth < Self.maximumDepth { try folder(name)?.removeContents(depth: depth + 1) }
            _ = try removeFolder(name)
        }
    }

    /// One name, and not a way: every name goes through here before it reaches the kernel, to which an
    /// absolute path is the same in every directory.
    private func path(of name: String) throws -> String {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")) else {
            throw Unsuitable(path: "\(path)/\(name)", reason: "that is no name")
        }
        return "\(path)/\(name)"
    }
}

// <fcntl.h> and <linux/fcntl.h> of every architecture that Linux has here; Swift's Glibc module leaves them
// out.
let openingNothing: Int32 = 0o10_000_000
let theDescriptorItself: Int32 = 0x1000
