import Foundation
import TestSupport

/// What somebody who may write in a folder can put in the place of a file there.
enum Trap: String, CaseIterable, Sendable {
    case symbolicLink
    case danglingLink
    case hardLink
    case fifo
    case socket
    case device
    case directory
    /// A file of a tebibyte that takes no room.
    case sparse

    /// - Parameter victim: a file elsewhere
    func set(at path: String, victim: String) throws {
        switch self {
        case .symbolicLink: try check(symlink(victim, path))
        case .danglingLink: try check(symlink(victim + "-new", path))
        case .hardLink: try check(link(victim, path))
        case .fifo: try check(mkfifo(path, 0o666))
        case .socket: try check(mknod(path, S_IFSOCK | 0o666, 0))
        case .device: try check(mknod(path, S_IFCHR | 0o666, 0x0105))  // /dev/zero
        case .directory: try check(mkdir(path, 0o777))
        case .sparse:
            let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            try check(ftruncate(file, 1 << 40))
            close(file)
        }
    }

    private func check(_ result: Int32) throws {
        guard result == 0 else { throw TestSupportError("\(self): \(String(cString: strerror(errno)))") }
    }
}

/// Everything below a folder: names, kinds, owners, modes and contents.
func inventory(_ folder: String) throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    return try names.map { name in
        var status = stat()
        lstat("\(folder)/\(name)", &status)
        let isFile = status.st_mode & S_IFMT == S_IFREG
        let content = isFile ? try Data(contentsOf: URL(filePath: "\(folder)/\(name)")) : Data()
        return
            "\(name) \(status.st_mode) \(status.st_uid) \(status.st_nlink) \(content.base64EncodedString())"
    }
}
