import Glibc

extension Folder {
    /// Of what has a name, without following or opening it.
    package struct Status: Sendable, Equatable {
        package var isRegular: Bool
        package var isFolder: Bool
        package var owner: uid_t
        package var group: gid_t
        package var mode: mode_t
        /// How many names it has.
        package var links: Int
        package var device: Int
        package var inode: Int
        /// In bytes.
        package var size: Int
        /// Seconds since 1970.
        package var changedAt: Int

        init(_ status: stat) {
            isRegular = status.st_mode & S_IFMT == S_IFREG
            isFolder = status.st_mode & S_IFMT == S_IFDIR
            owner = status.st_uid
            group = status.st_gid
            mode = status.st_mode & 0o7777
            links = Int(truncatingIfNeeded: status.st_nlink)
            device = Int(truncatingIfNeeded: status.st_dev)
            inode = Int(truncatingIfNeeded: status.st_ino)
            size = Int(status.st_size)
            changedAt = status.st_mtim.tv_sec
        }
    }
}

extension Folder {
    /// A user and a group of a container, by their numbers.
    package struct Owner: Sendable, Equatable, Hashable {
        package var user: uid_t
        package var group: gid_t

        package init(user: uid_t, group: gid_t) {
            self.user = user
            self.group = group
        }
    }

    /// Gives the directory and all that is in it to `owner`. What has several names, and what symbolic
    /// links lead to, keeps its owner.
    package func give(to owner: Owner, depth: Int = 0) throws {
        try giveItself(to: owner)
        for name in try names() {
            if try status(name)?.isFolder == true {
                // What is no directory any more stays as it is.
                guard depth < Self.maximumDepth, let folder = try? folder(name) else { continue }
                try folder.give(to: owner, depth: depth + 1)
            } else {
                try give(name, to: owner)
            }
        }
    }

    /// Only the directory.
    package func giveItself(to owner: Owner) throws {
        guard try !status().isOwned(by: owner) else { return }
        guard fchown(descriptor, owner.user, owner.group) == 0 else { throw SystemError("chown \(path)") }
    }

    private func give(_ name: String, to owner: Owner) throws {
        let handle = openat(descriptor, name, openingNothing | O_NOFOLLOW | O_CLOEXEC)
        guard handle >= 0 else {
            if errno == ENOENT { return }
            throw SystemError("open \(path)/\(name)")
        }
        defer { close(handle) }
        var found = stat()
        guard fstat(handle, &found) == 0 else { throw SystemError("stat \(path)/\(name)") }
        let status = Status(found)
        guard status.isRegular, status.links == 1, !status.isOwned(by: owner) else { return }
        guard fchownat(handle, "", owner.user, owner.group, theDescriptorItself) == 0 else {
            throw SystemError("chown \(path)/\(name)")
        }
    }
}

extension Folder.Status {
    fileprivate func isOwned(by owner: Folder.Owner) -> Bool {
        self.owner == owner.user && group == owner.group
    }
}
