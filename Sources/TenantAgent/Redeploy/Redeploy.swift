import Glibc
import TenantProtocol

/// `tenant-agent redeploy`: another image for one service, gated by its health. Everything that can fail
/// without touching what runs comes first.
struct Redeploy: Sendable {
    let installation: Installation
    let docker: DockerEngine
    let service: ServiceName
    let image: String
    /// For the new container to become healthy.
    let deadline: Duration

    static let deadlineSeconds = 1...1800
    static let defaultDeadlineSeconds = 90
    /// Free space that a pull may need at the least, in bytes.
    static let minimumFreeBytes = 512 << 20

    func run() async -> RedeployReport {
        let start = ContinuousClock.now
        var report = RedeployReport(
            outcome: .refused, service: service.rawValue, previousDigest: nil, digest: nil, healthy: false,
            code: nil, durationMilliseconds: 0)
        do {
            try await run(&report)
        } catch {
            let failure = StageFailure(error)
            log("redeploy refused: \(failure)")
            report.code = failure.code
        }
        report.durationMilliseconds = (ContinuousClock.now - start).inMilliseconds
        return report
    }

    /// - Throws: when nothing was replaced; the report then says what runs
    private func run(_ report: inout RedeployReport) async throws {
        guard let only = try FileLock.acquireNow(installation.redeployLockPath),
            let lock = try await FileLock.acquire(installation.stackLockPath, waitingAtMost: .seconds(60))
        else { throw StageFailure(.busy, "another boot or redeploy is under way") }
        defer { withExtendedLifetime((only, lock)) {} }
        let wasCutOff = try await Replacement.mend(installation, docker)
        let runtime = try await StackRuntime.open(try await Stack.load(installation, docker), docker)
        let present = try await service(runtime, image: nil)
        // What was just started again gets its time before it is judged.
        if wasCutOff { try? await runtime.awaitHealthy(present) }
        let running = try await docker.container(service.container)
        report.previousDigest = try await digest(of: running)
        report.digest = report.previousDigest
        report.healthy = await runtime.isHealthy(present)

        guard let reference = ImageReference(image), let digest = reference.digest else {
            throw StageFailure(.imageNotFound, "the image is not named by its digest")
        }
        if report.healthy, digest == report.previousDigest, running?.isUp == true {
            report.outcome = .unchanged
            return
        }
        try await fetch(reference)
        try await replace(runtime, reference, digest, &report)
    }

    private func fetch(_ reference: ImageReference) async throws {
        if try await docker.hasImage(reference) { return }
        try checkSpace()
        try await within(.seconds(600), "fetching the image") {
            try await docker.pull(reference, deadline: .now + .seconds(30))
        }
    }

    private func replace(
        _ runtime: StackRuntime, _ reference: ImageReference, _ digest: String,
        _ report: inout RedeployReport
    ) async throws {
        let next = try await service(runtime, image: image)
        let replacement = Replacement(
            installation: installation, runtime: runtime, service: next, deadline: deadline)
        switch try await replacement.run() {
        case .replaced:
            report.outcome = .updated
            report.digest = digest
            report.healthy = true
            await docker.prune(reference.repository, keeping: try keptImages())
        case .rolledBack(let failure):
            report.outcome = .rolledBack
            report.code = failure.code
            report.healthy = true
        case .failed(let failure):
            report.outcome = .failed
            report.code = failure.code
            report.healthy = false
        }
    }

    private func service(_ runtime: StackRuntime, image: String?) async throws -> Service {
        let stack = try await Stack.load(installation, docker).with(image, for: service.container)
        let services = try stack.services(network: runtime.holder.id)
        guard let found = services.first(where: { $0.name == service.container }) else {
            throw StageFailure(.invalidDeclaration, "this tenant has no \(service.rawValue)")
        }
        return found
    }

    private func digest(of container: Container?) async throws -> String? {
        guard let container else { return nil }
        if let digest = ImageReference(container.config.image)?.digest { return digest }
        return try await docker.repositoryDigest(container.config.image)
    }

    /// The declared image, the present one and the one before.
    private func keptImages() throws -> [String] {
        let images = try StackState.load(installation.stackStatePath).images[service.container]
        return [images?.declared, images?.current, images?.previous].compactMap { $0 }
    }

    private func checkSpace() throws {
        var space = statvfs()
        guard statvfs("/var/lib/docker", &space) == 0 else { return }
        if Int(space.f_bavail) * Int(space.f_frsize) < Self.minimumFreeBytes {
            throw StageFailure(.diskFull, "less than \(Self.minimumFreeBytes >> 20) MiB are free")
        }
    }
}

extension RedeployReport {
    /// As documented with `Outcome`.
    var exitStatus: Int32 {
        switch outcome {
        case .updated, .unchanged, .ready: 0
        case .rolledBack: 10
        case .refused: 11
        case .failed: 12
        }
    }
}
