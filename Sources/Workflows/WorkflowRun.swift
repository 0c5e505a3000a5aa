import Postgres

/// One claimed run of a workflow's function. It counts as one of its engine's workers until it has ended.
package struct WorkflowRun: Sendable {
    private let claimed: ClaimedWorkflow
    private let context: WorkflowContext
    private let engine: WorkflowEngine
    private let handler: WorkflowEngine.Handler

    package var kind: String { claimed.kind }
    package var subject: String { claimed.subject }

    init?(_ claimed: ClaimedWorkflow, engine: WorkflowEngine) {
        guard let handler = engine.handler(for: claimed.kind) else { return nil }
        self.claimed = claimed
        self.engine = engine
        self.handler = handler
        context = WorkflowContext(
            claimed, database: engine.database, time: engine.time, logger: engine.logger)
    }

    /// Runs it as a task of its own.
    /// - Parameter ended: told after what time its end is a reason to look for work; nil: it is none.
    package func start(ended: @escaping @Sendable (Duration?) -> Void = { _ in }) {
        engine.runs.start(claimed.lease, context) {
            await engine.execute(claimed, context, handler)
        } ended: { [engine] due in
            let pause = engine.pause(afterRunDueIn: due)
            if let pause { engine.look(after: pause) }
            ended(pause)
        }
    }
}
