import TenantProtocol

/// A container takes over from another while both run: the new one starts at the other slot, becomes healthy,
/// gets every new connection, is watched for a moment, and only then the old one may end. Going back is a
/// change of the packet rules, for as long as the old one runs.
///
/// The state on the disk names the one that serves. It is written after the rules were changed: a run that
/// was cut off before goes back, one that was cut off later goes on (`Mending`).
struct Takeover: Sendable {
    let installation: Installation
    let runtime: StackRuntime
    /// The new one, at its slot.
    let service: Service
    /// The old one, at the other slot.
    let present: Service
    /// From the start of the new container to healthy.
    let deadline: Duration
    var change = ImageChange()
    /// For the connections of the old container, between SIGTERM and SIGKILL.
    let drainSeconds: Int
    /// How long the new one is looked at before the old one is told to end.
    var watch: Duration = .seconds(3)
    /// Called while the old container serves for the last moment.
    var beforeDraining: @Sendable () async -> Void = {}

    private static let watchPause: Duration = .milliseconds(250)
    /// In a row, before a container that serves counts as unhealthy.
    private static let toleratedMisses = 2

    private var docker: DockerEngine { runtime.docker }
    private var next: String { Replacement.nextName(service.name) }

    /// The new one under the name that it has until the old one is gone.
    private var beside: Service {
        var beside = service
        beside.name = next
        return beside
    }

    /// - Throws: when nothing was replaced
    func run() async throws -> Replacement.Outcome {
        try await create()
        let before = try StackState.load(installation.stackStatePath)
        do {
            try await start()
            try await lead(to: service)
            try recordSwitch()
        } catch {
            return await withdraw(StageFailure(error))
        }
        if let failure = await watchNew() { return await switchBack(failure, to: before) }
        do {
            try await drain()
        } catch {
            log("\(service.name): the old container is still to be removed: \(error)")
        }
        return .replaced
    }

    private func drain() async throws {
        try update { $0.replacement?.takeover?.phase = .draining }
        await beforeDraining()
        log("\(service.name): the new container serves; the old one has \(drainSeconds) s to end")
        try await mending.settle(service.name, stopSeconds: drainSeconds)
        try update { $0.replacement = nil }
    }

    private var mending: Mending { Mending(installation: installation, docker: docker) }

    private func create() async throws {
        try update {
            $0.replacement = .init(
                container: service.name, image: service.spec.image, port: service.slot?.port,
                takeover: .init())
        }
        do {
            try await docker.remove(next)
            try await runtime.create(service, as: next)
        } catch {
            _ = try? await mending.run()
            throw error
        }
    }

    private func start() async throws {
        if let schema = change.schema { try update { $0.recordSchema(service.name, schema.writes) } }
        try await runtime.start(service, as: next)
        try await runtime.awaitHealthy(beside, deadline: deadline)
    }

    private func lead(to service: Service) async throws {
        guard let slot = service.slot, slot.isRouted else { return }
        try await runtime.route.lead(to: slot.port)
    }

    private func recordSwitch() throws {
        let declared = Stack.declaredImages(try installation.declaration().stack)[service.name] ?? ""
        try update { state in
            state.record(
                service.name, image: service.spec.image, declared: declared, port: service.slot?.port)
            state.replacement?.takeover?.phase = .switched
        }
    }

    /// nil when it kept running and stayed healthy.
    private func watchNew() async -> StageFailure? {
        let end = ContinuousClock.now + watch
        let process = try? await docker.container(next)?.state.startedAt
        var misses = 0
        while ContinuousClock.now < end {
            try? await Task.sleep(for: Self.watchPause)
            guard let container = try? await docker.container(next) else { continue }
            guard container.isUp, container.state.startedAt == process else {
                return StageFailure(
                    .startFailed, "\(service.name) ended while it was watched",
                    exitCode: container.state.exitCode)
            }
            misses = await runtime.isHealthy(beside) ? 0 : misses + 1
            if misses >= Self.toleratedMisses {
                return StageFailure(.unhealthy, "\(service.name) did not stay healthy")
            }
        }
        return nil
    }

    /// The new one never served.
    private func withdraw(_ failure: StageFailure) async -> Replacement.Outcome {
        log("\(service.name): \(failure); the old container goes on")
        do {
            try await lead(to: present)
            try await mending.run()
            try await runtime.awaitHealthy(present)
            return .rolledBack(failure)
        } catch {
            log("\(service.name): going back failed: \(error)")
            return .failed(failure)
        }
    }

    private func switchBack(_ failure: StageFailure, to before: StackState) async -> Replacement.Outcome {
        do {
            try await lead(to: present)
            try update { state in
                state.images[service.name] = before.images[service.name]
                state.live = before.live
                state.replacement?.takeover?.phase = .starting
            }
            // It may still be answering somebody.
            try await docker.stop(next, graceSeconds: min(drainSeconds, service.stopSeconds))
        } catch {
            log("\(service.name): \(failure); switching back failed: \(error)")
            return .failed(failure)
        }
        return await withdraw(failure)
    }

    private func update(_ body: (inout StackState) -> Void) throws {
        var state = try StackState.load(installation.stackStatePath)
        body(&state)
        try state.save(installation.stackStatePath)
    }
}
