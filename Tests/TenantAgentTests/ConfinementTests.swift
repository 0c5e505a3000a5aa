import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let images = [
    "tenant-postgres", "tenant-redis", "memory-plugin", "molecule-tenant", "cloudflared",
].map { "controlplane/\($0):v1" }

private let isPossible: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker", "image", "inspect"] + images
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard geteuid() == 0, (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// The stack's own services on the real Docker daemon, without a network, under names and volumes of the
/// test.
private struct Scene {
    let docker = DockerEngine()
    let installation: Installation
    let id = UUID().uuidString.lowercased().prefix(12)

    init(folder: String) throws {
        installation = try makeInstallation(folder, platform: "https://cp.example")
    }

    func volume(_ name: String) -> String { "confined-\(id)-\(name)" }

    func stack(postgres data: PostgresData = PostgresData()) -> Stack {
        var declaration = exampleDeclaration(platform: "https://cp.example")
        declaration.stack = .init(
            postgres: images[0], redis: images[1], memoryPlugin: images[2], tenant: images[3],
            cloudflared: images[4])
        return Stack(
            declaration: declaration, secrets: exampleGrant, configuration: ["MOLECULE_PLAN": "pro-canary"],
            images: [:], gateway: "172.17.0.1", tenantDataPath: installation.tenantDataPath,
            secretsPath: installation.containerSecretsPath, fileReaders: Set(images), postgresData: data,
            authoritiesPath: nil)
    }

    func services(postgres data: PostgresData = PostgresData()) throws -> [Service] {
        try stack(postgres: data).services(network: "holder").map { service in
            var service = service
            service.name = "confined-\(id)-\(service.name)"
            service.spec.host.networkMode = "none"
            service.spec.host.portBindings = [:]
            for name in ["molecule-postgres", "molecule-redis"] {
                service.spec.host.binds = service.spec.host.binds.map {
                    $0.hasPrefix("\(name):") ? volume(name) + $0.dropFirst(name.utf8.count) : $0
                }
                if service.data?.place == .volume(name) { service.data?.place = .volume(volume(name)) }
            }
            return service
        }
    }

    /// - Parameter idling: in place of the image's own program
    func run(_ service: Service, idling: Bool = false) async throws {
        var service = service
        if idling {
            service.spec.entrypoint = ["sleep", "infinity"]
            service.spec.command = nil
            service.spec.stopSignal = "SIGKILL"
        }
        try await runtime(service).ensure(service)
    }

    private func runtime(_ service: Service) throws -> StackRuntime {
        let state = Container.State(
            isRunning: true, isRestarting: false, pid: 0, exitCode: 0, startedAt: "")
        return StackRuntime(
            docker: docker,
            holder: Container(
                id: "none", state: state, config: .init(image: "", labels: nil), restartCount: 0))
    }

    /// All of `docker inspect`.
    func inspection(_ service: Service) async throws -> (text: String, host: [String: Any], pid: Int) {
        let response = try await docker.send("GET", "/containers/\(service.name)/json")
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
        let state = json["State"] as? [String: Any]
        return (
            response.text, try #require(json["HostConfig"] as? [String: Any]), state?["Pid"] as? Int ?? 0
        )
    }

    func bash(_ command: String, in service: Service) async throws -> Int {
        try await docker.execute(["bash", "-c", command], in: service.name)
    }

    func remove() async {
        for service in (try? services()) ?? [] { try? await docker.remove(service.name) }
        for name in ["molecule-postgres", "molecule-redis"] {
            _ = try? await docker.send("DELETE", "/volumes/\(volume(name))")
        }
    }

    static func with(_ body: (Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let scene = try Scene(folder: folder)
            do { try await body(scene) } catch {
                await scene.remove()
                throw error
            }
            await scene.remove()
        }
    }
}

/// What the kernel and `docker inspect` say of the stack's containers.
@Suite(
    .enabled(if: isPossible, "needs root and a Docker daemon with the images that `make up` builds"),
    .serialized)
struct ConfinementTests {
    @Test func everyContainerIsConfinedAndShowsNoSecret() async throws {
        try await Scene.with { scene in
            for service in try scene.services() {
                try await scene.run(service, idling: true)
                let (text, host, pid) = try await scene.inspection(service)
                #expect(!text.contains("canary"), "\(service.name)")
                #expect(host["CapDrop"] as? [String] == ["ALL"] && host["CapAdd"] as? [String] == nil)
                #expect(host["Privileged"] as? Bool == false)
                #expect(host["SecurityOpt"] as? [String] == ["no-new-privileges"])
                let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                    .split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
                func value(_ name: String) -> [String] {
                    status.first { $0.first == name }.map { Array($0.dropFirst()) } ?? []
                }
                for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                    #expect(value(set) == ["0000000000000000"], "\(service.name) \(set)")
                }
                #expect(value("NoNewPrivs:") == ["1"])
                let user = try #require(service.spec.user?.split(separator: ":").map(String.init))
                #expect(value("Uid:") == Array(repeating: user[0], count: 4) && user[0] != "0")
                #expect(value("Gid:") == Array(repeating: user[1], count: 4) && user[1] != "0")
                #expect(value("Groups:").allSatisfy { $0 == user[1] }, "\(value("Groups:"))")
            }
        }
    }

    /// The volumes and files that a container gets, and no others; of the host's folders one alone may be
    /// written.
    @Test func aContainerSeesWhatItNeeds() async throws {
        try await Scene.with { scene in
            let sources = try scene.services().reduce(into: [:]) { mounts, service in
                mounts[service.name.dropFirst(22)] = service.spec.host.binds.map { bind in
                    bind.split(separator: ":").dropFirst().joined(separator: ":")
                }
            }
            #expect(
                sources == [
                    "molecule-postgres": ["/var/lib/postgresql/data", "/run/secrets:ro"],
                    "molecule-redis": ["/data"], "molecule-memory-plugin": ["/run/secrets:ro"],
                    "molecule-tenant": ["/var/lib/molecule", "/run/secrets:ro"],
                    "molecule-cloudflared": ["/run/secrets:ro"],
                ])
        }
    }

    @Test func itsUserReadsItsSecretsAndChangesNone() async throws {
        try await Scene.with { scene in
            for service in try scene.services() where service.secrets != nil {
                try await scene.run(service, idling: true)
                for (name, value) in service.secrets?.values ?? [:] {
                    let test = "[[ $(<\"$\(name)_FILE\") == '\(value)' && -z ${\(name):-} ]]"
                    #expect(try await scene.bash(test, in: service) == 0, "\(service.name) \(name)")
                    #expect(try await scene.bash("echo > /run/secrets/\(name)", in: service) != 0)
                }
                #expect(try await scene.bash("echo > /run/secrets/new", in: service) != 0)
            }
        }
    }

    /// An earlier agent ran molecule-tenant as root.
    @Test func whatRootLeftToATenantIsItsOwn() async throws {
        try await Scene.with { scene in
            let folder = try Folder.make(scene.installation.tenantDataPath)
            try folder.replace("settings.json", with: Array("{}".utf8))
            try folder.makeFolder("spool").makeFolder("usage").replace("old", with: [1])
            let service = try #require(try scene.services().first { $0.name.hasSuffix("molecule-tenant") })
            try await scene.run(service, idling: true)
            let data = "/var/lib/molecule"
            let read = "[[ $(<\(data)/settings.json) == '{}' ]]"
            let write = "echo > \(data)/spool/usage/old && echo > \(data)/new"
            #expect(try await scene.bash("\(read) && \(write)", in: service) == 0)
        }
    }

    /// Redis's files belong to root where an earlier agent started it.
    @Test func redisKeepsWhatRootWrote() async throws {
        try await Scene.with { scene in
            let service = try #require(try scene.services().first { $0.name.hasSuffix("redis") })
            try await scene.run(service)
            func redis(_ words: String...) async throws -> Bool {
                try await scene.docker.execute(["redis-cli", "-e"] + words, in: service.name) == 0
            }
            try await eventually("Redis") { try await redis("set", "kept", "yes") }
            try await scene.docker.stop(service.name)
            let path = try #require(try await scene.docker.volumePath(scene.volume("molecule-redis")))
            try #require(try Folder.open(path, isOpenToAnyOwner: true)).give(to: .init(user: 0, group: 0))
            try await scene.run(service)
            // Only where the key is there does it become another.
            try await eventually("Redis") { try await redis("renamenx", "kept", "found") }
            #expect(try await redis("rename", "found", "kept"))
        }
    }

    /// A cluster of another user (the official image for Alpine), and one that somebody has copied as root.
    @Test(arguments: [(70, 70), (0, 999)] as [(uid_t, uid_t)])
    func postgresServesWhateverUserItsDataHave(owner: uid_t, user: uid_t) async throws {
        try await Scene.with { scene in
            func start() async throws -> PostgresData {
                let path = try await scene.docker.volumePath(scene.volume("molecule-postgres"))
                let data = try path.map { try PostgresData.read($0) } ?? PostgresData()
                let service = try #require(try scene.services(postgres: data).first)
                try await scene.run(service)
                let probe = ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "molecule"]
                try await eventually("PostgreSQL", within: .seconds(60)) {
                    try await scene.docker.execute(probe, in: service.name) == 0
                }
                return data
            }
            func sql(_ text: String) async throws -> Bool {
                let name = try #require(try scene.services().first).name
                let psql = ["psql", "-q", "-U", "molecule", "-v", "ON_ERROR_STOP=1", "-c", text]
                return try await scene.docker.execute(psql, in: name) == 0
            }
            #expect(try await start() == PostgresData())
            #expect(try await sql("CREATE TABLE kept ()"))
            let name = try #require(try scene.services().first).name
            try await scene.docker.stop(name, graceSeconds: 30)
            let path = try #require(try await scene.docker.volumePath(scene.volume("molecule-postgres")))
            try #require(try Folder.open(path, isOpenToAnyOwner: true))
                .give(to: .init(user: owner, group: owner))
            let data = try await start()
            #expect(data.user.user == user && data.majorVersion == "17" && data.isOwned == (owner != 0))
            #expect(try await sql("SELECT FROM kept"))
            let (_, _, pid) = try await scene.inspection(try #require(try scene.services().first))
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            #expect(status.contains("Uid:\t\(user)\t\(user)"))
        }
    }
}
