import TenantProtocol

/// The stack's containers on this instance's Docker, with the network that they share.
struct StackRuntime: Sendable {
    let docker: DockerEngine
    /// The holder; it runs.
    let holder: Container

    /// The stack of this instance, with what a replacement that was cut off left behind mended.
    /// - Parameter replacesHolder: whether a holder of an earlier agent gives way, and with it the network
    ///   of all
    static func recover(
        _ installation: Installation, _ docker: DockerEngine, replacesHolder: Bool = false
    ) async throws -> (stack: Stack, runtime: StackRuntime, wasCutOff: Bool) {
        let runtime = try await open(
            try await Stack.load(installation, docker), docker, replacesHolder: replacesHolder)
        guard try await Mending(installation: installation, docker: docker).run() else {
            return (try await Stack.load(installation, docker), runtime, false)
        }
        log("what a redeploy that was cut off had left is mended")
        let stack = try await Stack.load(installation, docker)
        return (stack, try await open(stack, docker), true)
    }

    /// Starts the holder where it does not run, and leads its port 8080 to where the stack says.
    static func open(
        _ stack: Stack, _ docker: DockerEngine, replacesHolder: Bool = false
    ) async throws -> StackRuntime {
        let spec = try labelled(stack.holder)
        if replacesHolder, let existing = try await docker.container(Stack.holderName),
            existing.fingerprint != fingerprint(spec)
        {
            try await docker.remove(Stack.holderName)
        }
        if try await docker.container(Stack.holderName) == nil {
            _ = try await docker.create(Stack.holderName, spec)
        }
        try await docker.start(Stack.holderName)
        guard let holder = try await docker.container(Stack.holderName), holder.isUp else {
            throw StageFailure(.startFailed, "\(Stack.holderName) does not run")
        }
        let runtime = StackRuntime(docker: docker, holder: holder)
        try await runtime.route.lead(to: stack.tenantPort)
        return runtime
    }

    var route: Route { Route(pid: holder.state.pid) }

    func probe(_ port: UInt16, at address: NetworkProbe.Address = .loopback) -> NetworkProbe {
        NetworkProbe(pid: holder.state.pid, port: port, address: address)
    }

    /// Makes the service's container run, in the holder's present network.
    /// - Parameter replacing: whether a container of another specification gives way
    func ensure(_ service: Service, replacing: Bool = true) async throws {
        let spec = try Self.labelled(service.spec)
        if let existing = try await docker.container(service.name) {
            guard replacing, existing.fingerprint != Self.fingerprint(spec) else {
                return try await revive(service, existing)
            }
            log("\(service.name): made anew, its declaration changed")
            // A container whose network is gone serves no requests that it could finish.
            let grace = isReached(existing, service) ? service.stopSeconds : Self.cutOffStopSeconds
            try await docker.stop(service.name, graceSeconds: grace)
            try await docker.remove(service.name)
        }
        try await create(service)
        try await start(service)
    }

    /// With its secrets on the disk.
    /// - Parameter name: nil for the service's own
    func create(_ service: Service, as name: String? = nil) async throws {
        try service.secrets?.write()
        _ = try await docker.create(name ?? service.name, try Self.labelled(service.spec))
    }

    /// With its data in its hands. Nothing happens when it runs.
    func start(_ service: Service, as name: String? = nil) async throws {
        try await service.data?.give(docker)
        try await docker.start(name ?? service.name)
    }

    /// Waits until the service is healthy; a container that keeps dying ends the wait.
    func awaitHealthy(_ service: Service, deadline: Duration? = nil) async throws {
        let end = ContinuousClock.now + (deadline ?? service.deadline)
        let restartsBefore = try await docker.container(service.name)?.restartCount ?? 0
        while true {
            if await isHealthy(service) { return }
            try await Task.sleep(for: .milliseconds(250))
            guard let container = try await docker.container(service.name) else {
                throw StageFailure(.startFailed, "\(service.name) is gone")
            }
            if container.restartCount - restartsBefore >= Self.toleratedRestarts {
                throw StageFailure(
                    .startFailed, "\(service.name) keeps ending; see `docker logs \(service.name)`",
                    exitCode: container.state.exitCode)
            }
            if ContinuousClock.now >= end {
                throw StageFailure(.unhealthy, "\(service.name) runs and is not healthy in time")
            }
        }
    }

    /// An error while asking counts as unhealthy.
    func isHealthy(_ service: Service) async -> Bool {
        (try? await within(.seconds(10), "health of \(service.name)") { try await service.isHealthy(self) })
            ?? false
    }

    private static let toleratedRestarts = 4
    private static let cutOffStopSeconds = 5

    /// Whether it is in the present network.
    private func isReached(_ container: Container, _ service: Service) -> Bool {
        service.spec.host.networkMode == "bridge" || sharesNetwork(container.state.pid, holder.state.pid)
    }

    private func revive(_ service: Service, _ container: Container) async throws {
        if container.isUp {
            if isReached(container, service) { return }
            // The holder was restarted: this one still sits in the network that went with it.
            log("\(service.name): restarted into the stack's network")
            try await docker.stop(service.name)
        }
        try await start(service)
    }

    static func labelled(_ spec: ContainerSpec) throws -> ContainerSpec {
        var labelled = spec
        labelled.labels[ContainerSpec.fingerprintLabel] = try spec.fingerprint()
        return labelled
    }

    private static func fingerprint(_ labelled: ContainerSpec) -> String? {
        labelled.labels[ContainerSpec.fingerprintLabel]
    }
}
