import Arithmetic
import CurlHTTP
import DurableFiles
import TenantProtocol

/// Tells the platform about boot stages. A report is on the disk before anything is sent, so neither a
/// crash nor an absent platform loses it, and the boot never waits for the platform.
actor StageReporter {
    private let spool: Spool
    private let installation: Installation
    /// nil on a self-hosted tenant: stages are then only logged.
    private let platform: PlatformClient?
    private var sender: Task<Void, Never>?

    init(installation: Installation, platform: PlatformClient?) {
        self.installation = installation
        self.platform = platform
        spool = Spool(installation: installation)
    }

    /// Runs `body` as a stage: reports its start and its end, with what it took.
    func stage<Result: Sendable>(
        _ stage: BootStage, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        let start = ContinuousClock.now
        report(stage, .started)
        do {
            let result = try await body()
            report(stage, .succeeded, took: ContinuousClock.now - start)
            return result
        } catch {
            let failure = StageFailure(error)
            log("\(failure)")
            report(stage, .failed, took: ContinuousClock.now - start, failure)
            throw failure
        }
    }

    /// Starts sending what is spooled, unless that is under way.
    func wake() {
        guard platform != nil, sender == nil else { return }
        sender = Task { await self.sendUntilEmpty() }
    }

    /// Gives the last reports a chance to leave before the process ends.
    func drain(upTo limit: Duration) async {
        wake()
        let deadline = ContinuousClock.now + limit
        while sender != nil, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private func report(
        _ stage: BootStage, _ outcome: StageOutcome, took: Duration? = nil, _ failure: StageFailure? = nil
    ) {
        let milliseconds = took.map { min($0.inMilliseconds, BootEvent.maximumDurationMilliseconds) }
        log("stage \(stage.rawValue): \(outcome.rawValue)" + (milliseconds.map { " after \($0) ms" } ?? ""))
        guard platform != nil else { return }
        do {
            let event = BootEvent(
                sequence: try spool.nextSequence(), stage: stage, outcome: outcome,
                durationMilliseconds: milliseconds, code: failure?.code, exitCode: failure?.exitCode)
            try spool.append(event)
            wake()
        } catch {
            log("a stage report was not kept: \(error)")
        }
    }

    private func sendUntilEmpty() async {
        defer { sender = nil }
        var backoff = Backoff(from: .seconds(1), upTo: .seconds(120))
        while !Task.isCancelled {
            do {
                let events = try spool.oldest()
                if events.isEmpty { return }
                if try await send(events) {
                    backoff = Backoff(from: .seconds(1), upTo: .seconds(120))
                    continue
                }
            } catch {
                log("stage reports wait: \(error)")
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    /// True when these events are off the spool.
    private func send(_ events: [BootEvent]) async throws -> Bool {
        guard let platform, let token = try token() else { return false }
        let response = try await platform.report(events, token: token)
        if response.isSuccess {
            try spool.remove(events)
            return true
        }
        // 400 is about the content. One at a time finds the event that is refused, and drops that one.
        if response.status == 400, events.count > 1 { return try await sendOneByOne(events) }
        if response.status == 400 {
            log("the platform refuses a stage report (\(events[0].sequence)): dropped")
            try spool.remove(events)
            return true
        }
        log("stage reports wait: the platform answers \(response.status)")
        return false
    }

    private func sendOneByOne(_ events: [BootEvent]) async throws -> Bool {
        for event in events where try await !send([event]) { return false }
        return true
    }

    private func token() throws -> String? {
        if Files.exists(installation.enrolledPath), let secrets = try installation.secrets() {
            return secrets.adminToken
        }
        return try installation.bootToken()
    }
}

extension Duration {
    var inMilliseconds: Int { Int(saturating: self / .milliseconds(1)) }
}
