import DurableFiles

/// What outlives a container, and belongs to its user before it starts. An earlier version ran containers
/// as root, whose files their user could not open.
struct DataFolder: Sendable, Equatable {
    enum Place: Sendable, Equatable {
        /// On the host; made where there is none.
        case path(String)
        /// Of Docker.
        case volume(String)
    }

    var place: Place
    var owner: Folder.Owner
    /// False: only the folder itself, as what is in it is its user's already.
    var isWhole = true

    /// Safe while a container writes there: nothing is followed, and what is not found in place stays as it
    /// is.
    func give(_ docker: DockerEngine) async throws {
        let path: String
        switch place {
        case .path(let own):
            try Folder.make(own)
            path = own
        case .volume(let name):
            guard let mounted = try await docker.volumePath(name) else { return }
            path = mounted
        }
        guard let folder = try Folder.open(path, isOpenToAnyOwner: true) else { return }
        if isWhole { try folder.give(to: owner) } else { try folder.giveItself(to: owner) }
    }
}
