import DurableFiles
import TenantProtocol

/// From a declaration to a healthy stack, a stage at a time. On an instance that was booted before, every
/// stage finds its work done; nothing is undone on failure, the next run goes on.
struct Boot: Sendable {
    let installation: Installation
    let docker: DockerEngine
    let metadata: InstanceMetadata
    let declaration: Declaration
    let platform: PlatformClient?
    let reporter: StageReporter

    init(_ installation: Installation, docker: DockerEngine, metadata: InstanceMetadata) throws {
        self.installation = installation
        self.docker = docker
        self.metadata = metadata
        declaration = try installation.declaration()
        platform = PlatformClient(declaration)
        reporter = StageReporter(installation: installation, platform: platform)
    }

    func run() async throws {
        try Files.makeFolder(installation.state)
        // What an earlier run, or the script, could not send.
        await reporter.wake()
        try await secrets()
        await refreshConfiguration()
        try await reporter.stage(.images) { try await pullImages() }
        guard let lock = try await FileLock.acquire(installation.stackLockPath, waitingAtMost: .seconds(1800))
        else { throw StageFailure(.busy, "another process changes the stack") }
        try await startServices()
        withExtendedLifetime(lock) {}
    }

    private func secrets() async throws {
        guard let platform else {
            if try installation.secrets() == nil { try installation.write(.selfMade()) }
            return
        }
        try await reporter.stage(.enrolment) {
            _ = try await Enrolment(installation: installation, platform: platform, metadata: metadata).run()
        }
    }

    /// A platform that is away costs a tenant nothing but fresh configuration.
    private func refreshConfiguration() async {
        guard let platform else { return }
        do {
            guard let secrets = try installation.secrets() else { return }
            _ = try await TenantConfiguration(installation: installation)
                .refresh(from: platform, secrets, metadata: metadata)
        } catch {
            log("tenant configuration not refreshed: \(error)")
        }
    }

    private func pullImages() async throws {
        var backoff = Backoff(from: .milliseconds(200), upTo: .seconds(3))
        let dockerDeadline = ContinuousClock.now + .seconds(120)
        while await !docker.answers() {
            guard ContinuousClock.now < dockerDeadline else {
                throw StageFailure(.dockerUnavailable, "Docker does not answer")
            }
            try await Task.sleep(for: backoff.next())
        }
        let declared = Stack.declaredImages(declaration.stack)
        let chosen = try StackState.load(installation.stackStatePath).chosen(declared)
        let images = Set(declared.merging(chosen) { _, chosen in chosen }.values)
        let access = RegistryAccess(installation, platform)
        try await within(Self.imagesDeadline, "fetching the images") {
            try await withThrowingTaskGroup { group in
                for image in images { group.addTask { try await pull(image, access) } }
                try await group.waitForAll()
            }
        }
    }

    private static let imagesDeadline: Duration = .seconds(900)

    private func pull(_ text: String, _ access: RegistryAccess) async throws {
        guard let image = ImageReference(text) else {
            throw StageFailure(.invalidDeclaration, "\(text) is not an image reference")
        }
        try await docker.pull(image, access, deadline: .now + Self.imagesDeadline)
    }

    private func startServices() async throws {
        let (stack, runtime, _) = try await StackRuntime.recover(
            installation, docker, replacesHolder: true)
        let services = try stack.services(network: runtime.holder.id)
        for service in services {
            try await reporter.stage(service.stage) {
                try await ImageCheck.recordStart(of: service, installation, docker)
                try await runtime.ensure(service)
                try await runtime.awaitHealthy(service)
            }
        }
        try await reporter.stage(.complete) {
            for service in services {
                try await runtime.awaitHealthy(service, deadline: .seconds(30))
            }
        }
    }
}
