import ArgumentParser
import Foundation
import Logging
import Postgres
import Synchronization
import Workflows

struct WorkflowsBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflows",
        abstract: "Workflow steps a second beside pgbench running the same statements, and wake to start.",
        discussion:
            "Works in a database of its own, which it creates and drops. Run it in the package's folder.")

    @Option(help: "A server where databases may be created (default: DATABASE_URL).")
    var databaseURL: String?
    @Option(help: "Workflows, all started before the clock.") var workflows = 500
    @Option(help: "Steps of each.") var steps = 20
    @Option(help: "Workers, connections, and clients of pgbench.") var workers = 16
    @Option(help: "Wakes to time.") var wakes = 500
    @Option(help: "Seconds that pgbench runs.") var seconds = 5

    func run() async throws {
        let database = try await BenchDatabase.create(on: databaseURL, connections: workers)
        do {
            report(try await database.durability())
            try await measureSteps(database)
            try await measureWakes(database)
        } catch {
            await database.drop()
            throw error
        }
        await database.drop()
    }

    private func measureSteps(_ database: BenchDatabase) async throws {
        let count = steps
        let remaining = Atomic<Int>(workflows)
        let (done, signal) = AsyncStream<Void>.makeStream()
        let engine = makeEngine(database)
        engine.register("bench", input: String.self) { context, _ in
            for number in 0..<count { try await context.step("step-\(number)") { _ in number } }
            if remaining.subtract(1, ordering: .relaxed).newValue == 0 { signal.finish() }
        }
        for number in 0..<workflows {
            try await engine.start("bench", subject: "\(number)", input: "", in: database.pool)
        }
        let start = ContinuousClock.now
        let service = Task { try await engine.run() }
        for await _ in done {}
        let elapsed = (ContinuousClock.now - start).seconds
        service.cancel()
        _ = await service.result
        let ours = Double(workflows * steps) / elapsed
        try await prepareForPgbench(database)
        let theirs = try database.pgbench(Self.stepScript, clients: workers, seconds: seconds)
        report("workflow steps a second, \(workers) workers:      \(ours.figure)")
        report("pgbench, the same two statements a step:  \(theirs.perSecond.figure)")
        report("ratio:                                    \((ours / theirs.perSecond).figure)")
    }

    private func measureWakes(_ database: BenchDatabase) async throws {
        let looks = AsyncStream<ContinuousClock.Instant>.makeStream()
        let engine = makeEngine(database)
        engine.register("waiting", input: String.self) { context, _ in
            looks.continuation.yield(.now)
            try await context.wait("gate", deadline: .seconds(3_600), poll: .seconds(3_600)) { false }
        }
        let id = try await engine.start("waiting", subject: "waiting", input: "", in: database.pool)
        let service = Task { try await engine.run() }
        var starts = looks.stream.makeAsyncIterator()
        _ = await starts.next()
        var latencies: [Double] = []
        for _ in 0..<wakes {
            while try await engine.describe(id)?.state != .waiting {
                try await Task.sleep(for: .milliseconds(1))
            }
            let woken = ContinuousClock.now
            try await engine.wake(subject: "waiting", in: database.pool)
            guard let started = await starts.next() else { break }
            latencies.append((started - woken).seconds * 1_000)
        }
        service.cancel()
        _ = await service.result
        report("wake to start, \(wakes) times, one at a time:")
        report(
            "  p50 \(latencies.percentile(0.5).figure) ms, p99 \(latencies.percentile(0.99).figure) ms,"
                + " worst \((latencies.max() ?? .nan).figure) ms (the wake's own commit included)")
    }

    private func makeEngine(_ database: BenchDatabase) -> WorkflowEngine {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        return WorkflowEngine(database: database.pool, configuration: .init(workers: workers), logger: logger)
    }

    /// As many running workflows as before, for pgbench to add steps to.
    private func prepareForPgbench(_ database: BenchDatabase) async throws {
        try await database.pool.execute(
            """
            INSERT INTO workflows (id, kind, subject, input, state, lease_owner, lease_epoch, due_at)
            SELECT md5(number::text)::uuid, 'pgbench', number::text, '{}', 'running', 'pgbench', 1,
                now() + interval '1 day'
            FROM generate_series(1, 500) AS number
            """)
        try await database.pool.execute("VACUUM ANALYZE workflows, workflow_steps")
    }

    /// The two statements of a step, as the engine sends them.
    private static let stepScript = """
        \\set workflow random(1, 500)
        \\set step random(1, 1000000000)
        WITH held AS (
            SELECT id, cancel_requested, wakes FROM workflows
            WHERE id = md5(:workflow::text)::uuid AND lease_epoch = 1 AND state = 'running'
        ), started AS (
            INSERT INTO workflow_steps (workflow_id, name, kind, state, deadline)
            SELECT id, 'step-' || :step::text, 'step', 'started', now() + make_interval(secs => NULL)
            FROM held WHERE NOT cancel_requested
            ON CONFLICT (workflow_id, name) DO UPDATE SET attempts = workflow_steps.attempts + 1
        )
        SELECT cancel_requested, wakes, set_config('synchronous_commit', 'off', true) FROM held;
        WITH held AS (
            SELECT id FROM workflows
            WHERE id = md5(:workflow::text)::uuid AND lease_epoch = 1 AND state = 'running' FOR NO KEY UPDATE
        )
        INSERT INTO workflow_steps (workflow_id, name, kind, state, output, finished_at)
        SELECT id, 'step-' || :step::text, 'step', 'done', '1'::jsonb, clock_timestamp() FROM held
        ON CONFLICT (workflow_id, name) DO UPDATE SET
            state = 'done', output = EXCLUDED.output, finished_at = EXCLUDED.finished_at,
            attempts = workflow_steps.attempts + 0
        RETURNING 1;

        """
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1_000_000_000_000_000_000
    }
}
