import TenantProtocol

/// One service's container gives way to another, and comes back when the new one is not healthy in time.
///
/// The old container is kept, stopped, under another name until the new one is healthy: going back needs
/// neither the registry nor the old specification. The intent is on the disk before the first change, so a
/// run that was cut off anywhere is mended (`Mending`), by going back to the old container unless that cannot
/// read the data any more.
struct Replacement: Sendable {
    let installation: Installation
    let runtime: StackRuntime
    let service: Service
    /// The service as it runs; nil when that differs in nothing but what it runs.
    var present: Service?
    /// From the start of the new container to healthy.
    let deadline: Duration
    var change = ImageChange()
    /// For the old container, between its stop signal and SIGKILL.
    var stopSeconds = 10

    enum Outcome {
        case replaced
        case rolledBack(StageFailure)
        /// The old one is not healthy either, or cannot read the data any more.
        case failed(StageFailure)
    }

    private var docker: DockerEngine { runtime.docker }

    /// - Throws: when nothing was replaced
    func run() async throws -> Outcome {
        let hadPrevious = try await prepare()
        do {
            try await swap(hadPrevious)
            try await runtime.awaitHealthy(service, deadline: deadline)
        } catch {
            let failure = StageFailure(error)
            return try await change.mayGoBack || !hasStarted() ? rollBack(failure) : stay(failure)
        }
        try await finish()
        return .replaced
    }

    /// Creates the new container beside the old one: an image that cannot even be that replaces nothing.
    private func prepare() async throws -> Bool {
        let next = Self.nextName(service.name)
        try update {
            $0.replacement = .init(
                container: service.name, image: service.spec.image, port: service.slot?.port)
        }
        do {
            try await docker.remove(next)
            try await runtime.create(service, as: next)
            return try await docker.container(service.name) != nil
        } catch {
            _ = try? await Mending(installation: installation, docker: docker).run()
            throw error
        }
    }

    private func swap(_ hadPrevious: Bool) async throws {
        if hadPrevious {
            try await docker.remove(Self.previousName(service.name))
            try await docker.stop(service.name, graceSeconds: stopSeconds)
            try await docker.rename(service.name, to: Self.previousName(service.name))
        }
        try await docker.rename(Self.nextName(service.name), to: service.name)
        if let slot = service.slot, slot.isRouted { try await runtime.route.lead(to: slot.port) }
        try update { state in
            if let schema = change.schema { state.recordSchema(service.name, schema.writes) }
            if !change.mayGoBack { state.replacement?.isIrreversible = true }
        }
        try await runtime.start(service)
    }

    private func hasStarted() throws -> Bool {
        try StackState.load(installation.stackStatePath).replacement?.isIrreversible == true
    }

    private func finish() async throws {
        let declared = Stack.declaredImages(try installation.declaration().stack)[service.name] ?? ""
        try update { state in
            state.record(
                service.name, image: service.spec.image, declared: declared, port: service.slot?.port)
            state.replacement = nil
        }
        try? await docker.remove(Self.previousName(service.name))
    }

    private func rollBack(_ failure: StageFailure) async -> Outcome {
        log("\(service.name): \(failure); going back")
        do {
            try await Mending(installation: installation, docker: docker).run()
            let old = present ?? service
            if let slot = old.slot, slot.isRouted { try await runtime.route.lead(to: slot.port) }
            try await runtime.awaitHealthy(old)
            return .rolledBack(failure)
        } catch {
            log("\(service.name): going back failed: \(error)")
            return .failed(failure)
        }
    }

    /// The old image would meet data that it cannot read: the new one stays, as it is.
    private func stay(_ failure: StageFailure) async throws -> Outcome {
        let version = change.schema?.writes ?? 0
        let reason =
            "\(service.name): \(failure); no way back: the data has schema \(version), which the previous "
            + "image does not read"
        log(reason)
        try await finish()
        return .failed(StageFailure(.schemaMismatch, reason))
    }

    private func update(_ body: (inout StackState) -> Void) throws {
        var state = try StackState.load(installation.stackStatePath)
        body(&state)
        try state.save(installation.stackStatePath)
    }

    static func nextName(_ name: String) -> String { "\(name)-next" }
    static func previousName(_ name: String) -> String { "\(name)-previous" }
}
