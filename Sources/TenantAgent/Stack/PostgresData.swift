import DurableFiles

/// The tenant's PostgreSQL cluster, as its volume has it: its server opens it as its owner only, and as the
/// major version that made it. Source: the manual of PostgreSQL, "Creating a Database Cluster".
struct PostgresData: Sendable, Equatable {
    /// nil: there is no cluster yet.
    var owner: Folder.Owner?
    var majorVersion: String?

    static let volume = "molecule-postgres"
    private static let versionName = "PG_VERSION"

    static func read(_ docker: DockerEngine) async throws -> PostgresData {
        guard let path = try await docker.volumePath(volume) else { return PostgresData() }
        return try read(path)
    }

    /// - Parameter volume: its path on the host. What is in it is the container's: something else in the
    ///   place of a cluster is none.
    static func read(_ volume: String) throws -> PostgresData {
        do { return try find(in: volume) ?? PostgresData() } catch is Folder.Unsuitable {
            return PostgresData()
        }
    }

    private static func find(in volume: String) throws -> PostgresData? {
        guard let top = try Folder.open(volume, isOpenToAnyOwner: true),
            let folder = try top.folder("pgdata")
        else { return nil }
        // The official image keeps its cluster in PGDATA, the stack's own in a folder below.
        for cluster in [folder, try folder.folder("cluster")] {
            guard let cluster, let version = try cluster.read(versionName, atMost: 16),
                let status = try cluster.status(versionName)
            else { continue }
            return PostgresData(
                owner: Folder.Owner(user: status.owner, group: status.group),
                majorVersion: String(
                    decoding: version.filter { (0x30...0x39).contains($0) || $0 == 0x2E }, as: UTF8.self))
        }
        return nil
    }

    /// As what its server runs.
    var user: Folder.Owner {
        guard let owner, owner.user != 0 else { return ServiceName.postgres.user }
        return owner
    }

    /// Whether all of it is its user's: the server's own files always are.
    var isOwned: Bool { owner == user }
}
