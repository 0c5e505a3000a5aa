import DurableFiles
import TenantProtocol

/// After the boot: what stopped is started again, and what joined a network that is gone joins the present
/// one (a restarted Docker daemon leaves both). It judges no health: Docker restarts what ends, and a
/// service that runs is left alone. It also keeps an hour of molecule-tenant's traffic on the disk.
struct Supervision: Sendable {
    let installation: Installation
    let docker: DockerEngine
    var period: Duration = .seconds(20)

    func run() async throws {
        while true {
            do {
                try await tend()
            } catch {
                log("stack not tended: \(error)")
            }
            try await Task.sleep(for: period)
        }
    }

    /// One round. Nothing while a redeploy is at work.
    func tend() async throws {
        guard await docker.answers() else { return }
        guard let lock = try FileLock.acquireNow(installation.stackLockPath) else { return }
        let (stack, runtime, _) = try await StackRuntime.recover(installation, docker)
        var failure: (any Error)?
        for service in try stack.services(network: runtime.holder.id) {
            do {
                try await runtime.ensure(service, replacing: false)
            } catch {
                // One that cannot be started keeps no other from it.
                try Task.checkCancellation()
                log("\(service.name) not tended: \(error)")
                failure = failure ?? error
            }
        }
        try SecretFolder.prune(
            installation.containerSecretsPath, keeping: try await docker.mountedPaths())
        await finishRotation(stack, runtime)
        await Observer(installation: installation, docker: docker).look()
        withExtendedLifetime(lock) {}
        if let failure { throw failure }
    }

    /// Of a redeploy that could not tell the platform that molecule-tenant runs with its new token.
    private func finishRotation(_ stack: Stack, _ runtime: StackRuntime) async {
        let rotation = Rotation(installation: installation)
        guard rotation.isUnfinished else { return }
        do {
            let wanted = try stack.service(.tenant, network: runtime.holder.id)
            let running = try await docker.container(wanted.name)
            guard running?.isUp == true, running?.fingerprint == (try wanted.spec.fingerprint()) else {
                return
            }
            await rotation.confirm(attempts: 1)
        } catch {
            log("a rotation is not finished: \(error)")
        }
    }
}
