import Fleet
import FoundationEssentials
import Postgres
import Providers
import Workflows

/// The last overage of an organisation that leaves. Stripe invoices, with the end of a subscription, what its
/// meter has counted by then; so it is reported, and counted, before the subscription ends.
///
/// What is ingested after this is not charged: the subscription that would carry it is over.
struct FinalOverage: Sendable {
    let billing: BillingContext
    let orgID: UUID

    /// Stripe counts whole seconds, and its clock is not ours: an event is older than this before the
    /// subscription ends, so that it lies within its last period.
    static let margin: TimeInterval = 2
    /// Stripe counts within minutes. A sum that differs for longer is for a person, and holds up nobody.
    static let settling: Duration = .seconds(900)
    private static let poll: Duration = .seconds(1)

    /// Issued again, it reports no more than is missing. A failure at Stripe delays it, for as long as a
    /// teardown has patience; `cpctl force` goes on without it.
    /// - Parameters:
    ///   - customer: at Stripe.
    ///   - name: of the step behind it.
    func report(to customer: String, before name: String, _ context: WorkflowContext) async throws {
        guard billing.credits.reportInterval > .zero, let stripe = billing.stripe else {
            return
        }
        // Without a subscription there is no invoice that would carry it, and nothing to wait for.
        let isCarried = try await context.step("\(name)_carried", retry: TearDownTenant.persistent) { _ in
            try await !stripe.subscriptionsThatGoOn(customer: customer).isEmpty
        }
        guard isCarried else { return }
        let reporter = OverageReporter(billing: billing, stripe: stripe)
        try await context.wait(
            "\(name)_overage_reported", deadline: TearDownTenant.patience, poll: Self.poll,
            until: { try await isReported(reporter, now: Date()) })
        do {
            try await context.wait(
                "\(name)_overage_counted", deadline: Self.settling, poll: Self.poll,
                until: { try await isCounted(customer, stripe, now: Date()) })
        } catch is WaitTimedOut {
            billing.logger.error(
                "the last overage is not in Stripe's sums", metadata: ["org": "\(orgID.text)"])
        }
    }

    private var store: OverageStore { OverageStore(database: billing.database) }

    private func isReported(_ reporter: OverageReporter, now: Date) async throws -> Bool {
        for month in Self.months(now) {
            if try await isMissing(month) { try await reporter.cut(orgID, month, now: now) }
        }
        // Not as the workflow's own call: one whose turn has not come is put back here, not the workflow.
        try await CurrentStep.$value.withValue(nil) { try await reporter.sendDue(of: orgID) }
        for month in Self.months(now) where try await isMissing(month) { return false }
        return try await !store.isOpen(orgID)
    }

    private func isMissing(_ month: Month) async throws -> Bool {
        let accounts = try await CreditReading(database: billing.database, rules: billing.creditRules)
            .accounts(of: [orgID], in: month)
        let reported = try await store.reported([orgID], in: month)
        return (accounts[orgID]?.position.overage ?? 0) > reported[orgID] ?? 0
    }

    /// Usage may be as late as the month before; what comes later is for a person.
    private static func months(_ now: Date) -> [Month] {
        let month = Month(containing: now)
        return [month.previous, month]
    }

    private func isCounted(_ customer: String, _ stripe: StripeClient, now: Date) async throws -> Bool {
        for month in Self.months(now) {
            let month = OverageMonth(org: orgID, month: month, customer: customer)
            let reports = try await store.reports(of: month)
            guard let last = reports.map(\.eventAt).max() else { continue }
            guard now.timeIntervalSince(last) >= Self.margin else { return false }
            let counted = try await MeterSums(stripe: stripe).counted(month)
            guard counted >= reports.map(\.credits).reduce(0, +) else { return false }
        }
        return true
    }
}
