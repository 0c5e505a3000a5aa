import TenantProtocol

/// `tenant-agent redeploy`: another image for one service, or fresh configuration for molecule-tenant, gated
/// by health. Everything that can fail without touching what runs comes first.
struct Redeploy: Sendable {
    let installation: Installation
    let docker: DockerEngine
    let order: RedeployOrder
    var metadata = InstanceMetadata()

    private var records: RedeployRecords { RedeployRecords(installation: installation) }

    func run() async -> RedeployReport {
        if let earlier = recorded() { return earlier }
        let start = ContinuousClock.now
        var report = RedeployReport(
            outcome: .refused, service: order.service.rawValue, previousDigest: nil, digest: nil,
            healthy: false, code: nil, durationMilliseconds: 0)
        do {
            guard await docker.answers() else {
                throw StageFailure(.dockerUnavailable, "Docker does not answer")
            }
            guard let locks = try await RedeployLocks.acquire(installation) else {
                throw StageFailure(.busy, "another boot or redeploy is under way")
            }
            defer { withExtendedLifetime(locks) {} }
            // The same order may have been carried out while this one waited.
            if let earlier = recorded() { return earlier }
            await carryOut(&report)
            report.durationMilliseconds = (ContinuousClock.now - start).inMilliseconds
            record(report)
        } catch {
            refuse(&report, StageFailure(error))
            report.durationMilliseconds = (ContinuousClock.now - start).inMilliseconds
        }
        return report
    }

    private func recorded() -> RedeployReport? {
        guard let id = order.id, !order.isDryRun else { return nil }
        do {
            return try records.report(of: id)
        } catch {
            log("the reports of earlier redeploys cannot be read: \(error)")
            return nil
        }
    }

    private func record(_ report: RedeployReport) {
        guard let id = order.id, !order.isDryRun else { return }
        do {
            try records.save(report, of: id)
        } catch {
            log("the report is not kept: \(error)")
        }
    }

    private func refuse(_ report: inout RedeployReport, _ failure: StageFailure) {
        log("redeploy refused: \(failure)")
        report.outcome = .refused
        report.code = failure.code
    }

    private func carryOut(_ report: inout RedeployReport) async {
        do {
            if order.isDryRun {
                try await checkOnly(&report)
            } else {
                try await replace(&report)
            }
        } catch {
            refuse(&report, StageFailure(error))
        }
    }

    /// - Throws: when nothing was replaced; the report then says what runs
    private func replace(_ report: inout RedeployReport) async throws {
        let (stack, runtime, wasCutOff) = try await StackRuntime.recover(installation, docker)
        let present = try stack.service(order.service, network: runtime.holder.id)
        // What was just started again gets its time before it is judged.
        if wasCutOff { try? await runtime.awaitHealthy(present) }
        let running = try await describe(present, runtime, in: &report)
        let change = ServiceChange(
            installation: installation, order: order, stack: stack, runtime: runtime, present: present,
            running: running)
        switch order.change {
        case .image(let image, _): try await replaceImage(image, change, &report)
        case .configuration: try await refresh(change, &report)
        }
    }

    /// What runs, before anything is done.
    private func describe(
        _ present: Service, _ runtime: StackRuntime, in report: inout RedeployReport
    ) async throws -> Container? {
        let running = try await docker.container(present.name)
        report.previousDigest = try await docker.digest(of: running)
        report.digest = report.previousDigest
        report.healthy = await runtime.isHealthy(present)
        return running
    }

    private func reference(_ image: String) throws -> (ImageReference, digest: String) {
        guard let reference = ImageReference(image), let digest = reference.digest else {
            throw StageFailure(.imageNotFound, "the image is not named by its digest")
        }
        return (reference, digest)
    }

    private func replaceImage(
        _ image: String, _ change: ServiceChange, _ report: inout RedeployReport
    ) async throws {
        let (reference, digest) = try reference(image)
        if report.healthy, digest == report.previousDigest, change.running?.isUp == true {
            report.outcome = .unchanged
            return
        }
        let preflight = try preflight()
        try await preflight.run(reference, running: change.running?.config.image)
        try await within(.seconds(600), "fetching the image") {
            try await docker.pull(reference, preflight.access, deadline: .now + .seconds(30))
        }
        try await change.run(image, &report)
        guard report.outcome == .updated else { return }
        report.digest = digest
        await docker.prune(reference.repository, keeping: try keptImages())
    }

    private func refresh(_ change: ServiceChange, _ report: inout RedeployReport) async throws {
        let refresh = Refresh(installation: installation, metadata: metadata)
        let before = try await refresh.fetch()
        let image = change.present.spec.image
        guard try await change.isStale(image) else {
            report.outcome = .unchanged
            await refresh.settle()
            return
        }
        do {
            try await change.run(image, &report)
        } catch {
            try refresh.restore(before)
            throw error
        }
        if report.outcome == .updated { await refresh.settle() } else { try refresh.restore(before) }
    }

    // MARK: Before anything is touched

    private func preflight() throws -> Preflight {
        let platform = PlatformClient(try installation.declaration())
        return Preflight(
            docker: docker,
            check: ImageCheck(installation: installation, docker: docker, service: order.service),
            access: RegistryAccess(installation, platform))
    }

    private func checkOnly(_ report: inout RedeployReport) async throws {
        guard case .image(let image, _) = order.change else { return }
        guard let holder = try await docker.container(Stack.holderName), holder.isUp else {
            throw StageFailure(.startFailed, "the stack does not run")
        }
        let stack = try await Stack.load(installation, docker)
        let present = try stack.service(order.service, network: holder.id)
        let runtime = StackRuntime(docker: docker, holder: holder)
        let running = try await describe(present, runtime, in: &report)
        let (reference, _) = try reference(image)
        let preflight = try preflight()
        try await preflight.run(reference, running: running?.config.image)
        if let facts = try await docker.image(image) {
            _ = try await preflight.check.change(
                to: image, labels: facts.labels, variables: facts.config?.environment ?? [],
                from: running?.config.image)
        }
        report.outcome = .ready
    }

    /// The declared image, the present one and the one before.
    private func keptImages() throws -> [String] {
        let images = try StackState.load(installation.stackStatePath).images[order.service.container]
        return [images?.declared, images?.current, images?.previous].compactMap { $0 }
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
