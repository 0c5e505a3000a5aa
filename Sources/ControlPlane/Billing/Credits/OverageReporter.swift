import AdminProtocol
import Arithmetic
import FoundationEssentials
import Logging
import Organisations
import Postgres
import Providers
import ServiceLifecycle

/// Reports overage to Stripe: cuts rows, sends them as meter events, and compares what was sent with Stripe's
/// sums.
///
/// A row is committed before its event is sent, and marked as unknown before each attempt. An outcome that is
/// not known is tried again under the same identifier for as long as Stripe certainly remembers it;
/// afterwards Stripe's sums decide whether it is there, and nothing is sent before they do. All replicas may
/// run it: rows are cut under the organisation's lock, and each attempt is claimed.
package struct OverageReporter: Service {
    /// Longer than a call may take.
    package static let lease: Duration = .seconds(90)
    static let firstPause: Duration = .seconds(2)
    static let longestPause: Duration = .seconds(900)
    /// Until sums are looked at for what was sent, and again where they differ.
    static let settling: Duration = .seconds(600)
    static let recheck: Duration = .seconds(3_600)
    /// Organisations that are read in one statement.
    package static let batch = 200
    private static let tick: Duration = .seconds(15)
    /// The use of everybody is summed up as often: whose overage is due is found within this time.
    private static let longestCutPause: Duration = .seconds(300)

    package let billing: BillingContext
    package let stripe: StripeClient

    package init(billing: BillingContext, stripe: StripeClient) {
        self.billing = billing
        self.stripe = stripe
    }

    private var database: PostgresPool { billing.database }
    private var store: OverageStore { OverageStore(database: billing.database) }
    private var logger: Logger { billing.logger }
    private var interval: Duration { billing.credits.reportInterval }

    package func run() async throws {
        // A service that returns ends the others.
        guard interval > .zero else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            var nextCut = ContinuousClock.now
            while !Task.isCancelled {
                try? await Task.sleep(for: min(Self.tick, interval))
                if Task.isCancelled { return }
                let cuts = ContinuousClock.now >= nextCut
                if cuts { nextCut = .now + min(interval, Self.longestCutPause) }
                if cuts { await part("cut") { try await cutDue(every: interval, now: Date()) } }
                await part("sent") { try await sendDue() }
                await part("compared") { try await compareDue() }
            }
        }
    }

    /// What fails in one part keeps the others from nothing.
    private func part(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch let error as PostgresError where error.isConnectionFailure {
            // The database is away: what is due waits there.
        } catch {
            if !Task.isCancelled {
                logger.error("overage not \(what)", metadata: ["error": "\(error)"])
            }
        }
    }

    private func round() async throws -> PeriodicRound {
        try await PeriodicRound(.overage, database, logger)
    }

    // MARK: Cutting

    /// Of this month and the one before: what comes later still is for a person.
    func cutDue(every interval: Duration, now: Date) async throws {
        let month = Month(containing: now)
        let round = try await round()
        for month in [month.previous, month] {
            var last: UUID?
            repeat {
                let orgs = try await store.due(month, every: interval, after: last, limit: Self.batch)
                // Where they cannot be read together, each is by itself.
                let behind =
                    try await round.attempt("cutting \(month.text) from \(last?.text ?? "the first")") {
                        try await unreported(orgs, month)
                    } ?? orgs
                for org in behind {
                    try await round.attempt("cutting \(month.text) of \(org.text)", org: org) {
                        try await cut(org, month, now: now)
                    }
                }
                last = orgs.count == Self.batch ? orgs.last : nil
            } while last != nil
        }
    }

    /// Those with more overage than was ever reported.
    private func unreported(_ orgs: [UUID], _ month: Month) async throws -> [UUID] {
        let accounts = try await CreditReading(database: database, rules: billing.creditRules)
            .accounts(of: orgs, in: month)
        let reported = try await store.reported(orgs, in: month)
        return orgs.filter { (accounts[$0]?.position.overage ?? 0) > reported[$0] ?? 0 }
    }

    /// What is overage by now and in no report yet becomes one. Once a subscription has ended, the event's
    /// time is within its last period: Stripe's last invoice is a draft for an hour, and takes it up.
    /// - Returns: whether there was any that can be reported.
    @discardableResult
    package func cut(_ org: UUID, _ month: Month, now: Date) async throws -> Bool {
        return try await database.transaction { transaction in
            let account = try await BillingStore(database: transaction).find(org: org)
            let end = min(now, account?.subscriptionEnd?.addingTimeInterval(-1) ?? now)
            guard let eventAt = Self.eventTime(month, now: end) else { return false }
            let ledger = CreditLedger(database: transaction, rules: billing.creditRules)
            try await ledger.open(org, month)
            let overage = try await ledger.settle(org, month)
            let store = OverageStore(database: transaction)
            let missing = overage -| (try await store.reported([org], in: month)[org] ?? 0)
            guard missing > 0,
                let id = try await store.insert(org: org, month, credits: missing, eventAt: eventAt)
            else { return false }
            logger.info(
                "overage cut",
                metadata: [
                    "org": "\(org.text)", "month": "\(month.text)", "report": "\(id.text)",
                    "credits": "\(missing)",
                ])
            return true
        }
    }

    /// Now, or the month's last second.
    /// - Returns: nil where that is too long ago for Stripe.
    static func eventTime(_ month: Month, now: Date) -> Date? {
        let time = max(month.start, min(now, month.end - 1))
        let age = now.wholeSeconds - time.wholeSeconds
        return age < StripeClient.MeterEvent.maximumAgeDays * 86_400 ? time : nil
    }

    // MARK: Sending

    /// - Parameter org: nil: of all organisations.
    func sendDue(of org: UUID? = nil) async throws {
        let round = try await round()
        while let attempt = try await store.beginAttempt(of: org, lease: Self.lease) {
            try await round.attempt("sending \(attempt.id.text)", org: attempt.org) {
                let (report, before) = try attempt.read.get()
                try await send(report, before)
            }
            try Task.checkCancellation()
        }
    }

    private func send(_ report: OverageReport, _ before: OverageReport.State) async throws {
        let pause = Self.pause(after: report.attempts)
        do {
            try await stripe.sendMeterEvent(report.event, idempotencyKey: report.idempotencyKey)
            try await store.sent(report.id, lookAfter: Self.settling)
        } catch let error as ProviderError where error.isDuplicate(of: report.event) {
            try await store.sent(report.id, lookAfter: Self.settling)
        } catch let error as ProviderError where error.mayHaveTakenEffect {
            try await store.stillUnknown(report.id, error: error.description, again: pause)
        } catch let error as ProviderError {
            let isPassing = error.isRetryable
            try await store.notSent(
                report.id, back: before, error: error.description,
                again: error.retryAfter ?? (isPassing ? pause : Self.longestPause))
            if !isPassing { complain("overage refused", report, error.description) }
        } catch let error as AppError {
            // The call's turn had not come.
            try await store.notSent(
                report.id, back: before, error: error.message, again: .bounded(seconds: error.retryAfter ?? 5)
            )
        }
    }

    private static func pause(after attempts: Int) -> Duration {
        min(longestPause, firstPause * (1 << min(attempts, 12)))
    }

    private func complain(_ what: Logger.Message, _ report: OverageReport, _ why: String) {
        logger.error(
            what,
            metadata: [
                "org": "\(report.org.text)", "month": "\(report.month.text)", "report": "\(report.id.text)",
                "error": "\(why)",
            ])
    }

    // MARK: Comparing

    func compareDue() async throws {
        let months = try await store.toCompare(limit: Self.batch)
        guard !months.isEmpty else { return }
        let round = try await round()
        let sums = MeterSums(stripe: stripe)
        for month in months {
            let subject = "comparing \(month.month.text) of \(month.customer)"
            let isDone: Void? = try await round.attempt(subject, org: month.org) {
                try await compare(month, sums)
            }
            // Those behind it have their turn.
            if isDone == nil { try await store.lookLater(month, Self.longestPause) }
            try Task.checkCancellation()
        }
    }

    private func compare(_ month: OverageMonth, _ sums: MeterSums) async throws {
        // Before the sum: what is sent meanwhile is not expected in it.
        let reports = try await store.reports(of: month)
        let counted: Int
        do {
            counted = try await sums.counted(month)
        } catch let error as ProviderError {
            return try await store.lookLater(reports, error: error.description, Self.longestPause)
        } catch let error as AppError {
            return try await store.lookLater(
                reports, error: error.message, .bounded(seconds: error.retryAfter ?? 5))
        }
        let comparison = OverageComparison(reports, counted: counted)
        let unknown = reports.filter { $0.state == .unknown && Self.isOver($0) }
        switch comparison.conclusion {
        case .complete:
            try await store.move(reports.filter { $0.state == .sent }, to: .confirmed)
            try await store.move(reports.filter { $0.state == .unknown }, to: .reconciled)
        case .withoutUnknown:
            try await store.move(reports.filter { $0.state == .sent }, to: .confirmed)
            // Stripe would show it by now. It has not got it, and may be told again.
            try await store.move(unknown, to: .pending, error: "Stripe's sums do not show it.")
        case .differs:
            let why = "Stripe has counted \(counted), and answered for \(comparison.answered)."
            try await store.lookLater(
                reports.filter { $0.state == .sent } + unknown, error: why, Self.recheck)
            for report in unknown { complain("overage in doubt", report, why) }
        }
    }

    /// Stripe may not remember its identifier any more.
    private static func isOver(_ report: OverageReport) -> Bool {
        guard let since = report.unknownSince else { return false }
        return Date().timeIntervalSince(since) >= StripeClient.MeterEvent.identifierLifetime / .seconds(1)
    }
}

/// Reads a meter's sums.
struct MeterSums: Sendable {
    let stripe: StripeClient

    /// - Throws: `no_meter` (409) where the account has none for overage; `ProviderError`.
    func counted(_ month: OverageMonth) async throws -> Int {
        guard let meter = try await stripe.meter(eventName: OverageReport.eventName) else {
            throw AppError(
                .conflict, "no_meter",
                "There is no active meter at Stripe whose event name is \"\(OverageReport.eventName)\". "
                    + "Create it, with the aggregation \"sum\".")
        }
        return try await stripe.meterSum(
            meter: meter, customer: month.customer, from: month.month.start.wholeSeconds,
            to: month.month.end.wholeSeconds)
    }
}
