import Logging
import Postgres

extension WorkflowEngine {
    /// Claims what is due whenever a worker is free: at a signal, when a workflow falls due that this engine
    /// has put away, soon after another's has, and every `poll` in any case.
    func claimLoop() async {
        while !Task.isCancelled, !runs.isStopping {
            let pause: Duration
            do {
                pause = try await claimDue { $0.start() }
            } catch {
                if Task.isCancelled { return }
                logger.warning("cannot claim workflows", metadata: ["error": "\(error)"])
                pause = min(configuration.poll, .seconds(1))
            }
            if pause > .zero { await signal.wait(atMost: pause) }
        }
    }

    /// What another engine has put away falls due at its alarm first; this one looks so much later, for many
    /// at once, should the other be busy or dead.
    static let courtesy: Duration = .milliseconds(250)
    /// What is put away for longer has no alarm of its own.
    static let longestAlarm: Duration = .seconds(600)

    /// Claims for the workers that are free, and hands each claimed run to `begin`, which starts it.
    /// - Returns: how long to wait before the next look; a run's end and a notification are reasons to look
    ///   sooner.
    package func claimDue(begin: (WorkflowRun) -> Void) async throws -> Duration {
        // A run that ends during the look gives room for what the look leaves.
        isFull.store(true, ordering: .sequentiallyConsistent)
        let free = configuration.workers - runs.count
        guard free > 0 else { return configuration.poll }
        let claim = try await store.claim(kinds: kinds, limit: free)
        let (claimed, next) = (claim.claimed, claim.next)
        for error in claim.unreadable {
            logger.error("a claimed workflow cannot be read", metadata: ["error": "\(error)"])
        }
        if claimed.count < free { isFull.store(false, ordering: .sequentiallyConsistent) }
        for workflow in claimed {
            if let run = WorkflowRun(workflow, engine: self) { begin(run) }
        }
        guard claimed.count < free, let next else { return configuration.poll }
        // Something due that was not claimed is locked by another: no reason to spin.
        return min(configuration.poll, max(next, .zero) + Self.courtesy)
    }

    /// The end of a run is a reason to look when there was more work than workers, and when it was put away:
    /// once it is due.
    func pause(afterRunDueIn due: Duration?) -> Duration? {
        if isFull.load(ordering: .sequentiallyConsistent) { return .zero }
        return due.flatMap { $0 <= Self.longestAlarm ? max($0, .zero) : nil }
    }

    func look(after pause: Duration) {
        guard pause > .zero else { return signal.send() }
        Task { [signal] in
            try await Task.sleep(for: pause)
            signal.send()
        }
    }

    /// Renews the leases at a third of their time. When the database could not be reached for as long as a
    /// lease lasts, another engine may have them all: every run is ended.
    func heartbeats() async {
        var renewed = time.now()
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.lease / 3)
            let asked = time.now()
            do {
                try await renewLeases()
                renewed = asked
            } catch {
                if Task.isCancelled { return }
                logger.warning("cannot renew leases", metadata: ["error": "\(error)"])
                if time.now() - renewed > configuration.lease { loseLeases() }
            }
        }
    }

    /// One heartbeat: the runs whose leases are lost are ended.
    package func renewLeases() async throws {
        let leases = runs.leases
        let lost = leases.isEmpty ? [] : try await store.renew(leases)
        if !lost.isEmpty { logger.warning("lost leases", metadata: ["count": "\(lost.count)"]) }
        runs.lose(lost)
    }

    /// Every run is ended, and can write nothing from here on.
    package func loseLeases() { runs.lose(runs.leases) }
}
