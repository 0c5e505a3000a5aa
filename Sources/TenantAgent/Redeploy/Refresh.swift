import TenantProtocol

/// `tenant-agent refresh`: fetches the platform's configuration and, where it changed, gives it to
/// molecule-tenant by replacing its container: gated by health, with the old configuration on failure.
struct Refresh: Sendable {
    let installation: Installation
    let docker: DockerEngine

    /// Whether something changed.
    func run() async throws -> Bool {
        let declaration = try installation.declaration()
        guard let platform = PlatformClient(declaration) else {
            throw StageFailure(.invalidDeclaration, "this tenant has no platform")
        }
        guard let secrets = try installation.secrets() else {
            throw StageFailure(.internalError, "this instance has no secrets yet: it has not been booted")
        }
        guard let only = try FileLock.acquireNow(installation.redeployLockPath),
            let lock = try await FileLock.acquire(installation.stackLockPath, waitingAtMost: .seconds(60))
        else { throw StageFailure(.busy, "another boot or redeploy is under way") }
        defer { withExtendedLifetime((only, lock)) {} }
        try await Replacement.mend(installation, docker)

        let before = try Files.read(installation.configurationPath)
        let configuration = TenantConfiguration(installation: installation)
        guard try await configuration.refresh(from: platform, secrets, metadata: InstanceMetadata()) else {
            return false
        }
        do {
            try await replaceTenant()
        } catch {
            if let before { try Files.replace(installation.configurationPath, with: before, mode: 0o600) }
            throw error
        }
        return true
    }

    private func replaceTenant() async throws {
        let stack = try await Stack.load(installation, docker)
        let runtime = try await StackRuntime.open(stack, docker)
        let name = ServiceName.tenant.container
        guard let tenant = try stack.services(network: runtime.holder.id).first(where: { $0.name == name })
        else { return }
        let replacement = Replacement(
            installation: installation, runtime: runtime, service: tenant, deadline: tenant.deadline)
        switch try await replacement.run() {
        case .replaced: return
        case .rolledBack(let failure), .failed(let failure): throw failure
        }
    }
}
