import Foundation
import Synchronization
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

/// As on an instance; `make setup` builds them for the stack.
private let holderImage = "controlplane/tenant-postgres:v1"
private let tenantImage = "controlplane/molecule-tenant:v1"

private let isPossible: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker", "image", "inspect", holderImage, tenantImage]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard geteuid() == 0, (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// A holder and the real tenant image in its network, on the real Docker daemon. The image's database is not
/// there: what counts as healthy is that it answers.
private struct Scene {
    let docker: DockerEngine
    let installation: Installation
    let name: String
    private let holderName: String

    init(folder: String, docker: DockerEngine = DockerEngine()) throws {
        self.docker = docker
        installation = try makeInstallation(folder, platform: nil)
        let id = UUID().uuidString.lowercased().prefix(12)
        name = "takeover-\(id)"
        holderName = "takeover-\(id)-holder"
    }

    private init(_ other: Scene, docker: DockerEngine) {
        self.docker = docker
        installation = other.installation
        name = other.name
        holderName = other.holderName
    }

    /// The same scene by way of another socket.
    func with(_ docker: DockerEngine) -> Scene { Scene(self, docker: docker) }

    func runtime() async throws -> StackRuntime {
        StackRuntime(docker: docker, holder: try #require(try await docker.container(holderName)))
    }

    /// - Parameter program: in place of the image's own
    func service(_ version: String, at port: UInt16, program: [String]? = nil) async throws -> Service {
        let holder = try #require(try await docker.container(holderName)).id
        var spec = ContainerSpec(image: tenantImage, host: .init(networkMode: "container:\(holder)"))
        spec.entrypoint = program
        spec.environment = [
            "DATABASE_URL=postgres://127.0.0.1:1/none", "REDIS_URL=redis://127.0.0.1:1",
            "MEMORY_PLUGIN_URL=http://127.0.0.1:1", "IMAGE_VERSION=\(version)",
            "WORKSPACE_LISTEN=0.0.0.0:\(port)", "WORKSPACE_DRAIN_IDLE_SECONDS=1",
        ]
        return Service(
            name: name, stage: .tenant, deadline: .seconds(20), spec: spec,
            slot: Slot(service: .tenant, port: port)
        ) { await $0.probe(port, at: .slots).httpStatus("/version") == 200 }
    }

    /// The old version runs at the first slot.
    func begin() async throws {
        var holder = ContainerSpec(image: holderImage, host: .init(networkMode: "none"))
        holder.entrypoint = ["sleep", "infinity"]
        holder.stopSignal = "SIGKILL"
        _ = try await docker.create(holderName, holder)
        try await docker.start(holderName)
        let old = try await service("old", at: 8080)
        _ = try await docker.create(name, try StackRuntime.labelled(old.spec))
        try await docker.start(name)
        try await runtime().awaitHealthy(old)
    }

    func takeover(_ next: Service, deadline: Duration = .seconds(20)) async throws -> Takeover {
        Takeover(
            installation: installation, runtime: try await runtime(), service: next,
            present: try await service("old", at: 8080), deadline: deadline, drainSeconds: 10,
            watch: .seconds(1))
    }

    /// What a client of port 8080 gets.
    func version() async throws -> String? {
        try await runtime().probe(8080).httpBody("/version")
    }

    func leftovers() async throws -> Bool {
        let next = try await docker.container(Replacement.nextName(name))
        let previous = try await docker.container(Replacement.previousName(name))
        return next != nil || previous != nil
    }

    func remove() async {
        for name in [name, Replacement.nextName(name), Replacement.previousName(name), holderName] {
            try? await docker.remove(name)
        }
    }
}

private func withScene(_ body: (Scene) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let scene = try Scene(folder: folder)
        do {
            try await scene.begin()
            try await body(scene)
        } catch {
            await scene.remove()
            throw error
        }
        await scene.remove()
    }
}

/// Asks again and again, over a new connection each time.
private func askingMeanwhile(
    _ scene: Scene, _ body: () async throws -> Void
) async throws -> (asked: Int, unanswered: Int) {
    let runtime = try await scene.runtime()
    let asking = Task {
        var counts = (asked: 0, unanswered: 0)
        while !Task.isCancelled {
            counts.asked += 1
            if await runtime.probe(8080).httpStatus("/version") != 200 { counts.unanswered += 1 }
        }
        return counts
    }
    defer { asking.cancel() }
    try await body()
    asking.cancel()
    return await asking.value
}

@Suite(.enabled(if: isPossible, "needs root and a Docker daemon with the images that `make up` builds"))
struct TakeoverTests {
    @Test func theNewContainerTakesOverWithoutOneUnansweredRequest() async throws {
        try await withScene { scene in
            let next = try await scene.service("new", at: 8081)
            let counts = try await askingMeanwhile(scene) {
                let outcome = try await scene.takeover(next).run()
                guard case .replaced = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
            }
            #expect(counts.asked > 50 && counts.unanswered == 0, "\(counts)")
            #expect(try await scene.version()?.contains("new") == true)
            #expect(try await !scene.leftovers())
            let state = try StackState.load(scene.installation.stackStatePath)
            #expect(state.replacement == nil)
            #expect(state.live?[scene.name] == .init(image: tenantImage, port: 8081))

            // And back to the first slot.
            let third = try await scene.service("third", at: 8080)
            let back = try await askingMeanwhile(scene) {
                var takeover = try await scene.takeover(third)
                takeover.change = ImageChange(schema: SchemaRange("1-4"))
                let outcome = try await takeover.run()
                guard case .replaced = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
            }
            #expect(back.asked > 50 && back.unanswered == 0, "\(back)")
            #expect(try await scene.version()?.contains("third") == true)
            #expect(try StackState.load(scene.installation.stackStatePath).schemas == [scene.name: 4])
        }
    }

    @Test func anUnhealthyContainerNeverServesAndTheOldOneIsNotTouched() async throws {
        try await withScene { scene in
            let old = try #require(try await scene.docker.container(scene.name))
            let next = try await scene.service("new", at: 8081, program: ["sleep", "infinity"])
            let counts = try await askingMeanwhile(scene) {
                let outcome = try await scene.takeover(next, deadline: .seconds(1)).run()
                guard case .rolledBack(let failure) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                #expect(failure.code == .unhealthy)
            }
            #expect(counts.unanswered == 0, "\(counts)")
            let same = try #require(try await scene.docker.container(scene.name))
            #expect(same.id == old.id && same.state.startedAt == old.state.startedAt)
            #expect(try await !scene.leftovers())
            #expect(try StackState.load(scene.installation.stackStatePath).replacement == nil)
        }
    }

    @Test func aContainerThatEndsWhileItIsWatchedGivesBackAtOnce() async throws {
        try await withScene { scene in
            let old = try #require(try await scene.docker.container(scene.name)).id
            let program = ["bash", "-c", "workspace-server & sleep 2; kill -KILL $!; exit 3"]
            let next = try await scene.service("new", at: 8081, program: program)
            var takeover = try await scene.takeover(next)
            takeover.watch = .seconds(10)
            let outcome = try await takeover.run()
            guard case .rolledBack(let failure) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(failure.code == .startFailed || failure.code == .unhealthy)
            #expect(try await scene.version()?.contains("old") == true)
            #expect(try await scene.docker.container(scene.name)?.id == old)
            #expect(try await !scene.leftovers())
            let state = try StackState.load(scene.installation.stackStatePath)
            #expect(state.replacement == nil && state.live == nil && state.images.isEmpty)
        }
    }

    /// Whatever the agent was doing when it was killed, the next one makes a serving stack of it. `make test`
    /// takes every third call, `make resilience` every one.
    @Test(arguments: [false, true])
    func anAgentThatIsKilledAtAnyDockerCallIsMended(afterTheCall: Bool) async throws {
        let isFull = ProcessInfo.processInfo.environment["RESILIENCE"] == "full"
        let width = 3
        let killed = try await withThrowingTaskGroup(of: Int.self) { group in
            for first in 0..<width {
                group.addTask {
                    var killed = 0
                    for round in 0..<40 {
                        let call = 1 + first + round * width * (isFull ? 1 : 3)
                        if try await killAndMend(afterTheCall ? .after(call) : .before(call)) { break }
                        killed += 1
                    }
                    return killed
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(killed >= (isFull ? 15 : 5), "so many calls does a takeover need at the least")
    }

    /// - Returns: whether the takeover ended before it could be cut
    private func killAndMend(_ cut: DockerProxy.Cut) async throws -> Bool {
        var wasCut = false
        try await withScene { scene in
            let proxy = try DockerProxy(target: dockerSocket, cut: cut)
            defer { proxy.close() }
            let next = try await scene.service("new", at: 8081)
            let takeover = try await scene.with(DockerEngine(socket: proxy.path)).takeoverByProxy(next)
            // It waits for an answer that never comes, and is left there.
            let end = End()
            let task = Task {
                let outcome = try await takeover.run()
                end.hasCome.store(true, ordering: .releasing)
                return outcome
            }
            try await eventually("the cut or the end", within: .seconds(60)) {
                proxy.hasCut || end.hasCome.load(ordering: .acquiring)
            }
            wasCut = proxy.hasCut
            if !wasCut { _ = try await task.value }
            // The daemon may still be at work on the last call.
            if wasCut { try await Task.sleep(for: .milliseconds(700)) }
            try await expectMended(scene, "\(cut) \(proxy.seen.last ?? "")")
        }
        return !wasCut
    }

    private func expectMended(_ scene: Scene, _ what: String) async throws {
        try await Mending(installation: scene.installation, docker: scene.docker).run()
        let state = try StackState.load(scene.installation.stackStatePath)
        let runtime = try await scene.runtime()
        try await runtime.route.lead(to: state.live?[scene.name]?.port ?? 8080)
        try await eventually("an answer after \(what)", within: .seconds(20)) {
            try await scene.version() != nil
        }
        #expect(state.replacement == nil, "\(what)")
        #expect(try await !scene.leftovers(), "\(what)")
        #expect(try await scene.docker.container(scene.name)?.isUp == true, "\(what)")
    }
}

private let dockerSocket: String = {
    let host = ProcessInfo.processInfo.environment["DOCKER_HOST"] ?? ""
    return host.hasPrefix("unix://") ? String(host.dropFirst(7)) : "/var/run/docker.sock"
}()

extension Scene {
    /// Its calls go by way of a proxy; the scene itself is read without one.
    fileprivate func takeoverByProxy(_ next: Service) async throws -> Takeover {
        let direct = try await with(DockerEngine()).takeover(next)
        return Takeover(
            installation: installation, runtime: StackRuntime(docker: docker, holder: direct.runtime.holder),
            service: next, present: direct.present, deadline: .seconds(20), drainSeconds: 10,
            watch: .milliseconds(300))
    }
}

private final class End: Sendable {
    let hasCome = Atomic<Bool>(false)
}
