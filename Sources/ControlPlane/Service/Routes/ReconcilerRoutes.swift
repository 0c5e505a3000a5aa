import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations

/// `/cp/admin/orphans`, `/cp/admin/drift` and `/cp/admin/reconcile`
struct ReconcilerRoutes: Sendable {
    let platform: Platform

    private var store: ReconcilerStore { ReconcilerStore(database: platform.database) }

    private struct Report: Encodable {
        /// nil before the first.
        var run: ReconcilerRun?
        var findings: [FindingRecord]
        /// Sum over the findings whose price is known.
        var monthlyUSD: Double
        var unknownPrices: Int

        init(_ run: ReconcilerRun?, _ findings: [FindingRecord]) {
            self.run = run
            self.findings = findings
            let orphans = findings.filter { $0.category == Finding.Category.orphan.rawValue }
            monthlyUSD = orphans.reduce(0) { $0 + ($1.monthlyUSD ?? 0) }
            unknownPrices = orphans.filter { $0.monthlyUSD == nil }.count
        }

        enum CodingKeys: String, CodingKey {
            case run, findings
            case monthlyUSD = "monthly_usd"
            case unknownPrices = "unknown_prices"
        }
    }

    func orphans(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(Report(try await store.lastRun(), try await store.open([.orphan])))
    }

    func drift(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(Report(try await store.lastRun(), try await store.open([.drift, .ghost])))
    }

    struct Order: RequestFields {
        var dryRun: Bool?
        var deleteUnknown: Bool?
        var wait: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case wait
            case dryRun = "dry_run"
            case deleteUnknown = "delete_unknown"
        }
    }

    private struct Signalled: Encodable {
        var orderedAt: String

        enum CodingKeys: String, CodingKey { case orderedAt = "ordered_at" }
    }

    /// Runs now. A dry run, which is the default, answers what a run in the mode `repair` would do next.
    /// With `"wait": false` it signals all replicas, of which one runs it, and answers at once.
    func reconcile(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        let isDry = order.dryRun ?? true
        let (mode, deletesUnknown) = (isDry ? Reconciler.Mode.report : .repair, order.deleteUnknown ?? false)
        let reconciler = Reconciler(fleet: platform.fleet)
        if !isDry {
            try await AuditLog(database: platform.database).record(
                AuditEvent(
                    action: "reconciler.repair_ordered", subject: platform.configuration.aws.region,
                    after: ["delete_unknown": .bool(deletesUnknown)]),
                by: context.origin)
        }
        guard order.wait ?? true else {
            let time = try await reconciler.signal(mode, deletesUnknown: deletesUnknown)
            return try Response.json(Signalled(orderedAt: time), status: .accepted)
        }
        let outcome = try await reconciler.perform(mode, .person, deletesUnknown: deletesUnknown)
        guard let outcome else { throw AppError(.conflict, "reconcile_in_progress", "Try again shortly.") }
        if !isDry { context.logger.notice("reconciled", metadata: ["acted": "\(outcome.run.acted)"]) }
        let findings = try await store.open([.orphan, .ghost, .drift])
        return try Response.json(Report(outcome.run, findings))
    }
}
