import AdminProtocol
import FoundationEssentials
import Logging
import Organisations
import Postgres
import Providers
import ServiceLifecycle

/// Compares what the platform's rows say with what the providers show, reports the differences, and puts
/// right what is safe. It takes no input: it is activated by its timer, by a signal that a person gives to
/// all replicas, and by a person who waits for the answer. Of all replicas one runs it at a time.
package struct Reconciler: Service {
    package enum Mode: String, Sendable, Codable {
        /// Looks, and changes nothing outside of its own tables.
        case report
        case repair
    }

    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var settings: ReconcilerSettings { fleet.settings.reconciler }
    private var store: ReconcilerStore { ReconcilerStore(database: fleet.database) }

    /// A run's claim, kept by heartbeats. Three times a workflow's: what it does takes minutes, and to begin
    /// it anew costs as many calls again.
    private var lease: Duration { fleet.settings.lease * 3 }

    /// Runs by the timer and by signals until the graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                if settings.interval > .zero { group.addTask { await runByTimer() } }
                group.addTask { await runBySignal() }
            }
        }
    }

    /// The due time stands in the database: replicas that all look often still run it once an interval.
    private func runByTimer() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: min(settings.interval, .seconds(60)))
            if Task.isCancelled { return }
            do {
                _ = try await perform(settings.mode, .timer(settings.interval))
            } catch {
                fleet.logger.error("reconciler failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// What a run found and did.
    package struct Outcome: Sendable {
        package var run: ReconcilerRun
        package var plan: Plan

        package init(run: ReconcilerRun, plan: Plan) {
            self.run = run
            self.plan = plan
        }
    }

    /// - Parameter deletesUnknown: also what belongs to organisations that no row ever knew.
    /// - Returns: nil when it is not due.
    /// - Throws: `reconcile_in_progress` for a person's order while a run is under way.
    package func perform(
        _ mode: Mode, _ activation: Activation, deletesUnknown: Bool = false
    ) async throws -> Outcome? {
        let owner = UUID().text
        guard try await store.claim(owner: owner, activation, lease: lease) else {
            guard case .person = activation else { return nil }
            throw AppError(
                .conflict, "reconcile_in_progress", "Another comparison is under way. Try again shortly.",
                retryAfter: 5)
        }
        let id = UUID()
        let log = CallLog()
        do {
            try await store.begin(id, mode: mode)
            let outcome = try await CallLog.$current.withValue(log) {
                try await holding(owner) { try await compare(id, mode, owner, deletesUnknown) }
            }
            let end: ReconcilerRun.Outcome = outcome.plan.refusal == nil ? .done : .refused
            try await store.finish(
                id, outcome: end, reason: outcome.plan.refusal, calls: log.count, acted: outcome.acted)
            try await store.release(owner: owner)
            return Outcome(run: try await store.run(id), plan: outcome.plan)
        } catch {
            try? await store.finish(
                id, outcome: .failed, reason: Self.reason(error), calls: log.count, acted: 0)
            try? await store.release(owner: owner)
            throw error
        }
    }

    /// Renews the lease meanwhile, and ends `body` when it is lost.
    private func holding<Value: Sendable>(
        _ owner: String, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: lease / 3)
                    do {
                        try await store.renew(owner: owner, lease: lease)
                    } catch let error as PostgresError where error.isConnectionFailure {
                        // What the body does next finds out whether the lease still holds.
                    }
                }
            }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? AppError)?.message ?? (error as? ProviderError)?.description ?? "\(type(of: error))"
    }

    /// The cloud before the rows: see `Comparison`.
    private func compare(
        _ id: UUID, _ mode: Mode, _ owner: String, _ deletesUnknown: Bool
    ) async throws -> (plan: Plan, acted: Int) {
        let began = ContinuousClock.now
        let patience = ProviderPatience { try await store.renew(owner: owner, lease: lease) }
        let cloud = try await CloudReading(fleet: fleet).read(patience)
        let rows = try await PlatformReading(fleet: fleet).read()
        let reading = began.duration(to: .now) + fleet.settings.deadlines.visibility
        let comparison = Comparison(
            settledSeconds: reading / .seconds(1), region: fleet.settings.region)
        let plan = Plan(
            comparison.findings(cloud, rows), history: try await store.history(), seen: cloud.count,
            rows: rows.ledger.count, now: Date(),
            policy: Plan.Policy(
                graceSeconds: settings.grace / .seconds(1), sharePercent: settings.sharePercent,
                floor: settings.floor, deletesUnknown: deletesUnknown))
        let unwritten = try await fleet.database.transaction { transaction in
            try await ReconcilerStore(database: transaction)
                .record(plan, seen: cloud.count, run: id, in: transaction)
        }
        report(plan, cloud.count)
        try await report(rows.unreadable, unwritten)
        guard mode == .repair else { return (plan, 0) }
        let repairs = Repairs(fleet: fleet, patience: patience)
        return (plan, try await repairs.carryOut(plan, without: Set(unwritten.map(\.item.finding.key))))
    }

    /// What the comparison has passed over.
    private func report(
        _ rows: [PlatformRows.Unreadable], _ unwritten: [(item: Plan.Item, error: any Error)]
    ) async throws {
        let round = try await PeriodicRound(.reconciler, fleet.database, fleet.logger)
        for row in rows {
            try await round.failed("\(row.what) of \(row.orgID.text)", org: row.orgID, row.error)
        }
        for (item, error) in unwritten {
            let finding = item.finding
            try await round.failed(
                "\(finding.code.rawValue) \(finding.kind.rawValue) \(finding.resource)", org: finding.orgID,
                error)
        }
        try await round.forgetRest()
    }

    private func report(_ plan: Plan, _ seen: Int) {
        guard !plan.items.isEmpty else { return }
        var counts: [String: Int] = [:]
        for item in plan.items { counts[item.finding.code.category.rawValue, default: 0] += 1 }
        var metadata: Logger.Metadata = ["seen": "\(seen)"]
        for (category, count) in counts { metadata[category] = "\(count)" }
        if let refusal = plan.refusal { metadata["refused"] = "\(refusal)" }
        fleet.logger.warning("rows and cloud differ", metadata: metadata)
    }
}
