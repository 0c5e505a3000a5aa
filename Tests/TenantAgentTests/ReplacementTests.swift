import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

/// Any image with a `sleep` will do; this one is built for the stack by `make setup`.
private let image = "controlplane/tenant-postgres:v1"

private let hasDocker: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker", "image", "inspect", image]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// Containers of one test, on the real Docker daemon, without a network.
private struct Sandbox {
    let docker = DockerEngine()
    let installation: Installation
    let name = "agent-test-\(UUID().uuidString.lowercased().prefix(12))"

    init(folder: String) throws { installation = try makeInstallation(folder, platform: nil) }

    func service(_ version: String, healthy: Bool = true, command: String = "infinity") -> Service {
        var spec = ContainerSpec(image: image, host: .init(networkMode: "none"))
        spec.entrypoint = ["sleep", command]
        spec.stopSignal = "SIGKILL"
        spec.environment = ["VERSION=\(version)"]
        return Service(name: name, stage: .tenant, deadline: .seconds(20), spec: spec) { [name] runtime in
            let container = try await runtime.docker.container(name)
            return healthy && container?.isUp == true
        }
    }

    func runtime() async throws -> StackRuntime {
        let holder = try #require(try await docker.container(name))
        return StackRuntime(docker: docker, holder: holder)
    }

    /// The old version runs.
    func begin() async throws -> StackRuntime {
        _ = try await docker.create(name, try StackRuntime.labelled(service("1").spec))
        try await docker.start(name)
        return try await runtime()
    }

    func replacement(_ service: Service, deadline: Duration = .seconds(20)) async throws -> Replacement {
        Replacement(
            installation: installation, runtime: try await runtime(), service: service, deadline: deadline)
    }

    func runs(_ version: String) async throws -> Bool {
        guard let container = try await docker.container(name) else { return false }
        let wanted = try service(version).spec.fingerprint()
        return container.isUp && container.fingerprint == wanted
    }

    func leftovers() async throws -> Bool {
        let next = try await docker.container(Replacement.nextName(name))
        let previous = try await docker.container(Replacement.previousName(name))
        return next != nil || previous != nil
    }

    func remove() async {
        for name in [name, Replacement.nextName(name), Replacement.previousName(name)] {
            try? await docker.remove(name)
        }
    }
}

private func withSandbox(_ body: (Sandbox) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let sandbox = try Sandbox(folder: folder)
        do {
            try await body(sandbox)
        } catch {
            await sandbox.remove()
            throw error
        }
        await sandbox.remove()
    }
}

@Suite(.enabled(if: hasDocker, "needs a Docker daemon with the image \(image) (`make setup` builds it)"))
struct ReplacementTests {
    @Test func aHealthyImageReplacesTheOldOneAndIsRecorded() async throws {
        try await withSandbox { sandbox in
            _ = try await sandbox.begin()
            let outcome = try await sandbox.replacement(sandbox.service("2")).run()
            guard case .replaced = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(try await sandbox.runs("2"))
            #expect(try await !sandbox.leftovers())
            let state = try StackState.load(sandbox.installation.stackStatePath)
            #expect(state.replacement == nil && state.images[sandbox.name]?.current == image)
        }
    }

    @Test func anUnhealthyImageGivesWayToTheOldOne() async throws {
        try await withSandbox { sandbox in
            _ = try await sandbox.begin()
            // Healthy again as soon as the old container runs.
            var service = sandbox.service("2")
            service.isHealthy = { _ in try await sandbox.runs("1") }
            let outcome = try await sandbox.replacement(service, deadline: .seconds(1)).run()
            guard case .rolledBack(let failure) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(failure.code == .unhealthy)
            #expect(try await sandbox.runs("1"))
            #expect(try await !sandbox.leftovers())
            #expect(try StackState.load(sandbox.installation.stackStatePath) == StackState())
        }
    }

    @Test func anImageThatKeepsEndingIsNotWaitedFor() async throws {
        try await withSandbox { sandbox in
            _ = try await sandbox.begin()
            var service = sandbox.service("2", command: "no-duration")
            service.isHealthy = { _ in try await sandbox.runs("1") }
            let outcome = try await sandbox.replacement(service, deadline: .seconds(600)).run()
            guard case .rolledBack(let failure) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(failure.code == .startFailed && failure.exitCode == 1)
            #expect(try await sandbox.runs("1"))
        }
    }

    @Test func neitherImageHealthyIsSaid() async throws {
        try await withSandbox { sandbox in
            _ = try await sandbox.begin()
            var service = sandbox.service("2", healthy: false)
            service.deadline = .seconds(1)
            let outcome = try await sandbox.replacement(service, deadline: .seconds(1)).run()
            guard case .failed = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(try await sandbox.runs("1"))
        }
    }

    /// The process may end after each of these; the next run goes back to the old container.
    @Test(arguments: 0...4)
    func aRunThatWasCutOffIsMended(after step: Int) async throws {
        try await withSandbox { sandbox in
            _ = try await sandbox.begin()
            let docker = sandbox.docker
            let name = sandbox.name
            _ = try await docker.create(
                Replacement.nextName(name), try StackRuntime.labelled(sandbox.service("2").spec))
            var state = StackState()
            state.replacement = .init(container: name, image: image)
            try state.save(sandbox.installation.stackStatePath)
            if step >= 1 { try await docker.stop(name) }
            if step >= 2 { try await docker.rename(name, to: Replacement.previousName(name)) }
            if step >= 3 { try await docker.rename(Replacement.nextName(name), to: name) }
            if step >= 4 { try await docker.start(name) }

            let mending = Mending(installation: sandbox.installation, docker: docker)
            #expect(try await mending.run())
            #expect(try await sandbox.runs("1"))
            #expect(try await !sandbox.leftovers())
            #expect(try await !mending.run())
        }
    }

    @Test func aContainerThatStoppedIsStartedAndOneOfAnotherSpecificationIsMadeAnew() async throws {
        try await withSandbox { sandbox in
            let runtime = try await sandbox.begin()
            let before = try await sandbox.docker.container(sandbox.name)?.id
            try await sandbox.docker.stop(sandbox.name)
            try await runtime.ensure(sandbox.service("1"), replacing: false)
            #expect(try await sandbox.docker.container(sandbox.name)?.id == before)
            #expect(try await sandbox.docker.container(sandbox.name)?.isUp == true)
            try await runtime.ensure(sandbox.service("2"))
            #expect(try await sandbox.runs("2"))
            #expect(try await sandbox.docker.container(sandbox.name)?.id != before)
        }
    }

    @Test func aRegistryThatIsAwayIsAskedAgainUntilTheDeadline() async throws {
        try await withSandbox { sandbox in
            let missing = "127.0.0.1:\(try freePort())/image@sha256:" + String(repeating: "0", count: 64)
            let reference = try #require(ImageReference(missing))
            let failure = await #expect(throws: StageFailure.self) {
                try await sandbox.docker.pull(
                    reference, RegistryAccess(sandbox.installation, nil), deadline: .now + .seconds(1))
            }
            #expect(failure?.code == .pullFailed)
        }
    }
}
