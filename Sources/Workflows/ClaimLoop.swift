import Logging
import Postgres

extension WorkflowEngine {
    /// Claims what is due whenever a worker is free: at a signal, when the next workflow falls due, and every
    /// `poll` in any case.
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

    /// Claims for the workers that are free, and hands each claimed run to `begin`, which starts it.
    /// - Returns: how long to wait before the next look; a run's end and a notification are reasons to look
    ///   sooner.
    package func claimDue(begin: (WorkflowRun) -> Void) async throws -> Duration {
        let free = configuration.workers - runs.count
        // The end of a run is a signal.
        guard free > 0 else { return configuration.poll }
        let (claimed, next) = try await store.claim(kinds: kinds, limit: free)
        for workflow in claimed {
            if let run = WorkflowRun(workflow, engine: self) { begin(run) }
        }
        if claimed.count == free { return configuration.poll }
        guard let next else { return configuration.poll }
        // Something due that was not claimed is locked by another: no reason to spin.
        return min(configuration.poll, max(next, .milliseconds(5)))
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
