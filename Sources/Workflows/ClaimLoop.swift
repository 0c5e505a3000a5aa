import Logging
import Postgres

extension WorkflowEngine {
    /// Claims what is due whenever a worker is free: at a signal, when the next workflow falls due, and every
    /// `poll` in any case.
    func claimLoop() async {
        while !Task.isCancelled, !runs.isStopping {
            let pause: Duration
            do {
                pause = try await claimDue()
            } catch {
                if Task.isCancelled { return }
                logger.warning("cannot claim workflows", metadata: ["error": "\(error)"])
                pause = min(configuration.poll, .seconds(1))
            }
            if pause > .zero { await signal.wait(atMost: pause) }
        }
    }

    /// - Returns: how long to wait before the next look.
    private func claimDue() async throws -> Duration {
        let free = configuration.workers - runs.count
        // The end of a run is a signal.
        guard free > 0 else { return configuration.poll }
        let kinds = kinds
        let claimed = try await store.claim(kinds: kinds, limit: free)
        for workflow in claimed { await begin(workflow) }
        if claimed.count == free { return configuration.poll }
        guard let next = try await store.untilNextDue(kinds: kinds) else { return configuration.poll }
        // Something due that was not claimed is locked by another: no reason to spin.
        return min(configuration.poll, max(next, .milliseconds(5)))
    }

    private func begin(_ claimed: ClaimedWorkflow) async {
        guard let handler = handler(for: claimed.kind) else { return }
        let context = WorkflowContext(claimed, database: database)
        runs.start(claimed.lease, context) {
            await self.execute(claimed, context, handler)
        } ended: { [signal] in
            signal.send()
        }
    }

    /// Renews the leases at a third of their time. When the database could not be reached for as long as a
    /// lease lasts, another engine may have them all: every run is ended.
    func heartbeats() async {
        var renewed = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.lease / 3)
            let leases = runs.leases
            let asked = ContinuousClock.now
            do {
                let lost = leases.isEmpty ? [] : try await store.renew(leases)
                if !lost.isEmpty { logger.warning("lost leases", metadata: ["count": "\(lost.count)"]) }
                runs.lose(lost)
                renewed = asked
            } catch {
                if Task.isCancelled { return }
                logger.warning("cannot renew leases", metadata: ["error": "\(error)"])
                if ContinuousClock.now - renewed > configuration.lease { runs.lose(leases) }
            }
        }
    }
}
