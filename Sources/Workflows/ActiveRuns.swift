import Synchronization

/// The runs of one engine that are under way.
final class ActiveRuns: Sendable {
    struct Run: Sendable {
        let context: WorkflowContext
        let task: Task<Void, Never>
    }

    private struct State {
        var runs: [Lease: Run] = [:]
        var stopping = false
    }

    private let state = Mutex(State())

    /// In one order, so that those who renew several lock them alike.
    var leases: [Lease] {
        state.withLock { $0.runs.keys.sorted { $0.id.uuidString < $1.id.uuidString } }
    }
    var count: Int { state.withLock { $0.runs.count } }
    var isStopping: Bool { state.withLock { $0.stopping } }

    /// Starts `body` as a task of its own; `ended` is called when it has ended, with what it returned.
    func start(
        _ lease: Lease, _ context: WorkflowContext, _ body: @escaping @Sendable () async -> Duration?,
        ended: @escaping @Sendable (Duration?) -> Void
    ) {
        state.withLock { state in
            let task = Task {
                let due = await body()
                self.state.withLock { $0.runs[lease] = nil }
                ended(due)
            }
            state.runs[lease] = Run(context: context, task: task)
            if state.stopping { context.suspend(.released) }
        }
    }

    /// Every run stops at its next boundary; new ones at their first.
    func stop() {
        state.withLock { state in
            state.stopping = true
            state.runs.values.forEach { $0.context.suspend(.released) }
        }
    }

    func lose(_ leases: [Lease]) {
        for run in state.withLock({ state in leases.compactMap { state.runs[$0] } }) {
            run.context.suspend(.leaseLost)
            run.task.cancel()
        }
    }

    /// Waits for all runs, and cancels those that take longer than `grace`.
    func drain(within grace: Duration) async {
        let all = state.withLock { Array($0.runs.values) }
        let alarm = Task {
            try await Task.sleep(for: grace)
            all.forEach { $0.task.cancel() }
        }
        for run in all { await run.task.value }
        alarm.cancel()
    }
}
