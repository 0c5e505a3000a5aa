import TenantProtocol

/// One service of the running stack on its way to another container: chooses how the two change places, and
/// writes what became of it into the report.
struct ServiceChange: Sendable {
    let installation: Installation
    let order: RedeployOrder
    let stack: Stack
    let runtime: StackRuntime
    /// The service as the stack has it.
    let present: Service
    /// Its container; nil when there is none.
    let running: Container?

    private var docker: DockerEngine { runtime.docker }

    /// Whether the container that runs is not the one that the files on the disk describe.
    func isStale(_ image: String) async throws -> Bool {
        let stack = try await Stack.load(installation, docker)
        let wanted = try stack.service(order.service, network: runtime.holder.id).spec.fingerprint()
        return running?.fingerprint != wanted
    }

    /// - Throws: when nothing was replaced
    func run(_ image: String, _ report: inout RedeployReport) async throws {
        let facts = try await docker.image(image)
        let change = try await ImageCheck(installation: installation, docker: docker, service: order.service)
            .change(
                to: image, labels: facts?.labels ?? [:], variables: facts?.config?.environment ?? [],
                from: running?.config.image)
        let outcome = try await replace(image, change)
        switch outcome {
        case .replaced:
            report.outcome = .updated
            report.healthy = await recoverDependants()
        case .rolledBack(let failure):
            report.outcome = .rolledBack
            report.code = failure.code
            report.healthy = true
        case .failed(let failure):
            report.outcome = .failed
            report.code = failure.code
            report.healthy = false
        }
        if order.service == .tenant, report.outcome == .updated { await observer.takeOver() }
        report.digest = try await docker.digest(of: try await docker.container(order.service.container))
    }

    private var observer: Observer { Observer(installation: installation, docker: docker) }

    private func replace(_ image: String, _ change: ImageChange) async throws -> Replacement.Outcome {
        if await canRunBeside(change), let slot = present.slot?.other {
            return try await takeOver(try await service(image, change, at: slot), change)
        }
        let slot = present.slot.map { change.canListenElsewhere ? $0 : Slot.first(of: $0.service) }
        let next = try await service(image, change, at: slot)
        await observer.look()
        return try await Replacement(
            installation: installation, runtime: runtime, service: next, present: present,
            deadline: .seconds(order.deadlineSeconds), change: change,
            stopSeconds: next.slot == nil ? next.stopSeconds : order.drainSeconds
        ).run()
    }

    private func takeOver(_ next: Service, _ change: ImageChange) async throws -> Replacement.Outcome {
        let port = present.slot?.port
        return try await Takeover(
            installation: installation, runtime: runtime, service: next, present: present,
            deadline: .seconds(order.deadlineSeconds), change: change, drainSeconds: order.drainSeconds,
            beforeDraining: { [observer] in
                if order.service == .tenant { await observer.look(at: port) }
            }
        ).run()
    }

    /// The old one runs, stays able to read the data, and clients can be led to the new one.
    private func canRunBeside(_ change: ImageChange) async -> Bool {
        guard let slot = present.slot, running?.isUp == true, change.canListenElsewhere, change.mayGoBack
        else { return false }
        guard slot.isRouted else { return true }
        if await runtime.route.isPossible() { return true }
        log("no packet rules can be made here: the old container stops before the new one starts")
        return false
    }

    /// From the files as they are now: the configuration may be newer than the stack that runs.
    private func service(_ image: String, _ change: ImageChange, at slot: Slot?) async throws -> Service {
        try await Stack.load(installation, docker)
            .with(image, readsFiles: change.readsFiles, for: order.service.container, at: slot)
            .service(order.service, network: runtime.holder.id)
    }

    /// Services that use the replaced one connect again by themselves; one that does not is started again.
    private func recoverDependants() async -> Bool {
        var areHealthy = true
        for name in order.service.dependants {
            guard let service = try? stack.service(name, network: runtime.holder.id) else { continue }
            do {
                do {
                    try await runtime.awaitHealthy(service, deadline: .seconds(30))
                } catch {
                    log("\(service.name): \(error); started again")
                    try await docker.stop(service.name, graceSeconds: service.stopSeconds)
                    try await docker.start(service.name)
                    try await runtime.awaitHealthy(service)
                }
            } catch {
                log("\(service.name): \(error)")
                areHealthy = false
            }
        }
        return areHealthy
    }
}

extension DockerEngine {
    /// Of the image that the container runs.
    func digest(of container: Container?) async throws -> String? {
        guard let container else { return nil }
        if let digest = ImageReference(container.config.image)?.digest { return digest }
        return try await repositoryDigest(container.config.image)
    }
}
