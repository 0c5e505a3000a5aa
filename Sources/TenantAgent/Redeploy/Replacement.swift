import TenantProtocol

/// One service's container gives way to another, and comes back when the new one is not healthy in time.
///
/// The old container is kept, stopped, under another name until the new one is healthy: going back needs
/// neither the registry nor the old specification. The intent is on the disk before the first change, so a
/// run that was cut off anywhere is mended by `mend`, which always goes back to the old container.
struct Replacement: Sendable {
    let installation: Installation
    let runtime: StackRuntime
    let service: Service
    /// From the start of the new container to healthy.
    let deadline: Duration

    enum Outcome {
        case replaced
        case rolledBack(StageFailure)
        /// The old one is not healthy either.
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
            return await rollBack(StageFailure(error))
        }
        return try await finish()
    }

    private func finish() async throws -> Outcome {
        var state = try StackState.load(installation.stackStatePath)
        let declared = Stack.declaredImages(try installation.declaration().stack)[service.name] ?? ""
        let before = state.images[service.name]
        let ran = before?.declared == declared ? before?.current : declared
        state.images[service.name] = .init(
            declared: declared, current: service.spec.image,
            previous: ran == service.spec.image ? before?.previous : ran)
        state.replacement = nil
        try state.save(installation.stackStatePath)
        try? await docker.remove(Self.previousName(service.name))
        return .replaced
    }

    /// Creates the new container beside the old one: an image that cannot even be that replaces nothing.
    private func prepare() async throws -> Bool {
        let name = Self.nextName(service.name)
        try await docker.remove(name)
        _ = try await docker.create(name, try StackRuntime.labelled(service.spec))
        var state = try StackState.load(installation.stackStatePath)
        state.replacement = .init(container: service.name, image: service.spec.image)
        try state.save(installation.stackStatePath)
        return try await docker.container(service.name) != nil
    }

    private func swap(_ hadPrevious: Bool) async throws {
        if hadPrevious {
            try await docker.remove(Self.previousName(service.name))
            try await docker.stop(service.name)
            try await docker.rename(service.name, to: Self.previousName(service.name))
        }
        try await docker.rename(Self.nextName(service.name), to: service.name)
        try await docker.start(service.name)
    }

    private func rollBack(_ failure: StageFailure) async -> Outcome {
        log("\(service.name): \(failure); going back")
        do {
            try await Self.mend(installation, docker)
            try await runtime.awaitHealthy(service)
            return .rolledBack(failure)
        } catch {
            log("\(service.name): going back failed: \(error)")
            return .failed(failure)
        }
    }

    /// Undoes a replacement whose outcome was never recorded. Nothing happens when there is none.
    /// - Returns: whether there was one
    @discardableResult
    static func mend(_ installation: Installation, _ docker: DockerEngine) async throws -> Bool {
        var state = try StackState.load(installation.stackStatePath)
        guard let replacement = state.replacement else { return false }
        let name = replacement.container
        if try await docker.container(previousName(name)) != nil {
            // The old container was set aside: whatever has its name now is the new one.
            try await docker.remove(name)
            try await docker.rename(previousName(name), to: name)
        }
        try await docker.remove(nextName(name))
        if try await docker.container(name) != nil { try await docker.start(name) }
        state.replacement = nil
        try state.save(installation.stackStatePath)
        return true
    }

    static func nextName(_ name: String) -> String { "\(name)-next" }
    static func previousName(_ name: String) -> String { "\(name)-previous" }
}
