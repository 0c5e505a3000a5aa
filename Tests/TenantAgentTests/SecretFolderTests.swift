import DurableFiles
import Foundation
import TestSupport
import Testing

@testable import TenantAgent

@Suite(.enabled(if: geteuid() == 0, "gives files to other users"))
struct SecretFolderTests {
    private static func secrets(_ folder: String, _ values: [String: String], user: uid_t = 10_001)
        -> SecretFolder
    {
        SecretFolder(
            parent: "\(folder)/secrets", container: "molecule-tenant", owner: .init(user: user, group: user),
            values: values)
    }

    @Test func eachSecretIsAFileThatItsUserAloneReads() async throws {
        try await withTemporaryFolder { folder in
            let secrets = Self.secrets(folder, ["ADMIN_TOKEN": "one", "DATABASE_URL": "two"])
            for _ in 0..<2 {
                try secrets.write()
                let written = try #require(try Folder.open(secrets.path))
                #expect(try written.names().sorted() == ["ADMIN_TOKEN", "DATABASE_URL"])
                #expect(try written.read("ADMIN_TOKEN", atMost: 10) == Array("one".utf8))
                let status = try #require(try written.status("ADMIN_TOKEN"))
                #expect(status.mode == 0o400 && status.owner == 10_001 && status.group == 10_001)
                #expect(try written.status().mode == 0o700 && written.status().owner == 10_001)
                #expect(try Folder.open("\(folder)/secrets")?.status().mode == 0o700)
                // Cut off, it is done again.
                try written.replace("DATABASE_URL", with: [])
                try written.replace("LEFT_BEHIND", with: [])
            }
        }
    }

    @Test func otherSecretsAndOtherUsersHaveAnotherFolder() async throws {
        let all = [
            Self.secrets("/f", ["A": "b"]), Self.secrets("/f", ["A": "c"]), Self.secrets("/f", ["AB": ""]),
            Self.secrets("/f", ["A": "b"], user: 10_002),
        ]
        #expect(Set(all.map(\.path)).count == all.count)
        #expect(Self.secrets("/f", ["A": "b"]).path == all[0].path)
        #expect(!all[0].path.contains("b/"))
    }

    @Test func whatNoContainerMountsIsRemoved() async throws {
        try await withTemporaryFolder { folder in
            let (used, unused) = (Self.secrets(folder, ["A": "1"]), Self.secrets(folder, ["A": "2"]))
            try used.write()
            try unused.write()
            try SecretFolder.prune("\(folder)/secrets", keeping: [used.path])
            let left = try #require(try Folder.open("\(folder)/secrets")).names()
            #expect(left.map { "\(folder)/secrets/\($0)" } == [used.path])
            try SecretFolder.prune("\(folder)/none", keeping: [])
        }
    }

    // MARK: As a program reads them

    @Test func aFileGoesBeforeItsVariable() async throws {
        try await withTemporaryFolder { folder in
            try Data("from the file\n".utf8).write(to: URL(filePath: "\(folder)/value"))
            try Data().write(to: URL(filePath: "\(folder)/empty"))
            let environment = [
                "A_FILE": "\(folder)/value", "A": "from the variable", "B": "from the variable",
                "C_FILE": "\(folder)/absent", "C": "from the variable", "D_FILE": "\(folder)/empty",
            ]
            var variables = FileVariables { environment[$0] }
            #expect(variables("A") == "from the file" && variables("B") == "from the variable")
            #expect(variables("D") == nil && variables("E") == nil && variables.problems.isEmpty)
            // It does not fall back to something else that it was not told to use.
            #expect(variables("C") == nil)
            #expect(variables.problems == ["C_FILE names \(folder)/absent, which is not there"])
        }
    }
}

/// A volume of PostgreSQL, as the host sees it.
@Suite(.enabled(if: geteuid() == 0, "gives files to other users"))
struct PostgresDataTests {
    private static func withVolume(
        _ cluster: String, version: String = "17\n", owner: uid_t, _ body: (String) throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/\(cluster)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(version.utf8).write(to: URL(filePath: "\(path)/PG_VERSION"))
            for name in ["PG_VERSION", ""] { chown("\(path)/\(name)", owner, owner + 1) }
            try body(folder)
        }
    }

    /// The stack's own image, and the official one for Alpine: whoever made the cluster serves it.
    @Test(arguments: [("pgdata/cluster", 999), ("pgdata", 70)] as [(String, uid_t)])
    func itsOwnerServesIt(cluster: String, owner: uid_t) async throws {
        try await Self.withVolume(cluster, owner: owner) { volume in
            let data = try PostgresData.read(volume)
            #expect(data.majorVersion == "17" && data.isOwned)
            #expect(data.user == .init(user: owner, group: owner + 1))
        }
    }

    @Test func rootServesNothing() async throws {
        try await Self.withVolume("pgdata/cluster", owner: 0) { volume in
            let data = try PostgresData.read(volume)
            #expect(data.user == ServiceName.postgres.user && !data.isOwned && data.majorVersion == "17")
        }
    }

    @Test func aVolumeWithoutAClusterIsTheServersToFill() async throws {
        try await withTemporaryFolder { volume in
            let (empty, absent) = (try PostgresData.read(volume), try PostgresData.read("\(volume)/absent"))
            #expect(empty == PostgresData() && absent == empty)
            #expect(empty.user == ServiceName.postgres.user && !empty.isOwned)
        }
    }

    /// The container writes there: what it puts in the place of its version is not followed, waited for or
    /// printed.
    @Test(arguments: Trap.allCases) func aTrapIsNoCluster(trap: Trap) async throws {
        try await Self.withVolume("pgdata/cluster", owner: 999) { volume in
            let path = "\(volume)/pgdata/cluster/PG_VERSION"
            try FileManager.default.removeItem(atPath: path)
            try Data("17".utf8).write(to: URL(filePath: "\(volume)/victim"))
            try trap.set(at: path, victim: "\(volume)/victim")
            #expect(try PostgresData.read(volume) == PostgresData())
        }
    }

    @Test func onlyDigitsOfAVersionAreSaid() async throws {
        try await Self.withVolume("pgdata", version: "\u{1B}[2J9.6", owner: 999) { volume in
            let data = try PostgresData.read(volume)
            #expect(data.majorVersion == "29.6")
        }
    }
}
