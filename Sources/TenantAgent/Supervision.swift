import TenantProtocol

/// After the boot: what stopped is started again, and what joined a network that is gone joins the present
/// one (a restarted Docker daemon leaves both). It judges no health: Docker restarts what ends, and a
/// service that runs is left alone.
struct Supervision: Sendable {
    let installation: Installation
    let docker: DockerEngine
    var period: Duration = .seconds(20)

    func run() async throws {
        while true {
            try await Task.sleep(for: period)
            do {
                try await tend()
            } catch {
                log("stack not tended: \(error)")
            }
        }
    }

    /// One round. Nothing while a redeploy is at work.
    func tend() async throws {
        guard await docker.answers() else { return }
        guard let lock = try FileLock.acquireNow(installation.stackLockPath) else { return }
        try await Replacement.mend(installation, docker)
        let stack = try await Stack.load(installation, docker)
        let runtime = try await StackRuntime.open(stack, docker)
        for service in try stack.services(network: runtime.holder.id) {
            try await runtime.ensure(service, replacing: false)
        }
        withExtendedLifetime(lock) {}
    }
}
