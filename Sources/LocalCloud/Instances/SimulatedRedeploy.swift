import Arithmetic
import TenantProtocol

/// `tenant-agent redeploy` on a simulated instance.
extension SimulatedAgent {
    func redeploy(_ redeploy: SimulatedCommand.Redeploy, within limit: Duration) async -> ScriptResult {
        let behaviour = simulation.behaviour(of: redeploy.image, slug: slug)
        let id = redeploy.isDryRun ? nil : redeploy.id
        let result = await once(id, redeploy.service, taking: behaviour.redeployMilliseconds, within: limit) {
            self.outcome(of: redeploy, behaviour.fault)
        }
        guard behaviour.fault == .noReport, result.ending == .exited else { return result }
        return ScriptResult(ending: .exited, exitCode: 0, output: "", error: "")
    }

    private func outcome(
        of redeploy: SimulatedCommand.Redeploy, _ fault: SimulationRule.Fault?
    ) -> RedeployReport {
        let (image, service) = (redeploy.image, redeploy.service)
        guard grant != nil else { return report(.refused, service, .internalError) }
        guard service == .tenant || stack.images[service] != nil else {
            return report(.refused, service, .invalidDeclaration)
        }
        guard SimulatedStack.digest(image) != nil else { return report(.refused, service, .imageNotFound) }
        let runs = stack.images[service] == image && isHealthy
        if runs { return report(redeploy.isDryRun ? .ready : .unchanged, service) }
        if fault == .missing { return report(.refused, service, .imageNotFound) }
        if fault == .schemaMismatch { return report(.refused, service, .schemaMismatch) }
        return redeploy.isDryRun ? report(.ready, service) : replace(service, with: image, fault)
    }

    private func replace(
        _ service: SimulatedService, with image: String, _ fault: SimulationRule.Fault?
    ) -> RedeployReport {
        let previous = stack.digest(service)
        switch fault {
        case .broken: return report(.rolledBack, service, .unhealthy)
        case .failed:
            stack.isDown = true
            return report(.failed, service, .unhealthy)
        default:
            stack.run(image, as: service)
            var report = report(.updated, service)
            report.previousDigest = previous
            return report
        }
    }

    /// The tenant starts again with the platform's configuration where that has changed.
    func refresh(id: String?, within limit: Duration) async -> ScriptResult {
        let behaviour = stack.images[.tenant].map {
            simulation.behaviour(of: $0, slug: slug, up: stack.tenantUp)
        }
        return await once(id, .tenant, taking: behaviour?.redeployMilliseconds, within: limit) {
            let (known, before) = (self.configuration, self.grant)
            let hasNewToken = await self.fetchNextToken()
            guard let fresh = await self.fetchConfiguration() else {
                self.goBack(to: before)
                return self.report(.refused, .tenant, .platformUnreachable)
            }
            if hasNewToken { await self.confirmToken() }
            return self.report(fresh == known && !hasNewToken ? .unchanged : .updated, .tenant)
        }
    }

    // MARK: Once

    /// Does the work unless it was done under the same id, one piece of work at a time.
    /// - Parameters:
    ///   - milliseconds: that it takes; nil: as long as a stage.
    ///   - limit: when it is over first, nothing has changed.
    private func once(
        _ id: String?, _ service: SimulatedService, taking milliseconds: Int?, within limit: Duration,
        _ work: () async -> RedeployReport
    ) async -> ScriptResult {
        let started = ContinuousClock.now
        while let id, id == idUnderWay {
            guard await pause(.milliseconds(10), since: started, within: limit) else { return Self.cutOff }
        }
        if let id, let report = reports[id] { return Self.printed(report, exitCode: report.exitCode) }
        guard !isRedeploying else {
            return Self.printed(report(.refused, service, .busy), exitCode: 11)
        }
        (isRedeploying, idUnderWay) = (true, id)
        defer { (isRedeploying, idUnderWay) = (false, nil) }
        let duration = Duration.milliseconds(milliseconds ?? simulation.stageMilliseconds)
        guard await pause(duration, since: started, within: limit) else { return Self.cutOff }
        var report = await work()
        report.durationMilliseconds = Int(saturating: started.duration(to: .now) / .milliseconds(1))
        if let id { reports[id] = report }
        return Self.printed(report, exitCode: report.exitCode)
    }

    private static let cutOff = ScriptResult(ending: .timedOut, exitCode: -1, output: "", error: "")

    /// - Returns: false when the limit was over first.
    private func pause(
        _ duration: Duration, since started: ContinuousClock.Instant, within limit: Duration
    ) async -> Bool {
        let left = limit - started.duration(to: .now)
        try? await Task.sleep(for: min(duration, left))
        return duration < left
    }

    private func report(
        _ outcome: RedeployReport.Outcome, _ service: SimulatedService, _ code: FailureCode? = nil
    ) -> RedeployReport {
        let digest = stack.digest(service)
        return RedeployReport(
            outcome: outcome, service: service.rawValue, previousDigest: digest, digest: digest,
            healthy: isHealthy, code: code, durationMilliseconds: 0)
    }

    static func printed(_ line: some Encodable, exitCode: Int) -> ScriptResult {
        let text = String(decoding: JSONValue.encode(line), as: UTF8.self)
        return ScriptResult(ending: .exited, exitCode: exitCode, output: text + "\n", error: "")
    }
}

extension RedeployReport {
    /// As documented with `Outcome`.
    fileprivate var exitCode: Int {
        switch outcome {
        case .updated, .unchanged, .ready: 0
        case .rolledBack: 10
        case .refused: 11
        case .failed: 12
        }
    }
}
