import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers

/// An organisation's overage of a month in three books: as its usage computes it, as the platform has
/// reported it, and as Stripe has counted it.
package struct OverageBooks: Sendable, Encodable {
    package var org: UUID
    package var slug: String
    /// Deleted: nothing that comes now reaches an invoice.
    var isGone = false
    package var account: CreditAccount
    package var reports: [OverageReport]
    /// nil: Stripe could not be asked.
    package var counted: Int?
    package var problem: String?

    var computed: Int { account.position.overage }
    package var reported: Int { reports.map(\.credits).reduce(0, +) }
    /// Zero where the books agree.
    var difference: Int? { counted.map { computed - $0 } }

    private enum CodingKeys: String, CodingKey {
        case org = "org_id"
        case used = "used_credits"
        case granted = "granted_credits"
        case computed = "overage_credits"
        case uncharged = "uncharged_credits"
        case reported = "reported_credits"
        case open = "open_credits"
        case counted = "stripe_credits"
        case difference = "difference_credits"
        case slug, month, problem
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(org.text, forKey: .org)
        try container.encode(slug, forKey: .slug)
        try container.encode(account.month.text, forKey: .month)
        try container.encode(account.position.used, forKey: .used)
        try container.encode(account.position.granted, forKey: .granted)
        try container.encode(computed, forKey: .computed)
        try container.encode(account.position.uncharged, forKey: .uncharged)
        try container.encode(reported, forKey: .reported)
        try container.encode(
            reports.filter(\.state.isOpen).map(\.credits).reduce(0, +), forKey: .open)
        try container.encode(counted, forKey: .counted)
        try container.encode(difference, forKey: .difference)
        try container.encode(problem, forKey: .problem)
    }
}

/// Compares the books, and mends what can be mended without a doubt.
package struct OverageReconciliation: Sendable {
    package let billing: BillingContext
    package let stripe: StripeClient

    package init(billing: BillingContext, stripe: StripeClient) {
        self.billing = billing
        self.stripe = stripe
    }

    /// Organisations of one page: each asks Stripe once or twice.
    package static let page = 50

    private var database: PostgresPool { billing.database }

    /// Those with overage or reports in the month, in order of their ids.
    /// - Returns: `next` is where the page behind this one goes on; nil at the end.
    package func books(_ month: Month, org: UUID? = nil, after last: UUID? = nil) async throws -> (
        books: [OverageBooks], next: UUID?
    ) {
        let rows = try await database.query(
            """
            SELECT p.org_id, o.slug, o.status = 'purged' AS is_gone
            FROM credit_periods p JOIN orgs o ON o.id = p.org_id
            WHERE p.period = \(month.firstDay) AND (\(org)::uuid IS NULL OR p.org_id = \(org)::uuid)
                AND (\(last)::uuid IS NULL OR p.org_id > \(last)::uuid)
            ORDER BY p.org_id LIMIT \(Self.page)
            """)
        let orgs = try rows.map { try $0["org_id", as: UUID.self] }
        let accounts = try await CreditReading(database: database, rules: billing.creditRules)
            .accounts(of: orgs, in: month)
        let reports = try await reports(orgs, month)
        var books: [OverageBooks] = []
        for row in rows {
            let org = try row["org_id", as: UUID.self]
            guard let account = accounts[org] else { continue }
            let reports = reports[org] ?? []
            guard account.position.overage > 0 || !reports.isEmpty else { continue }
            books.append(
                try await ask(
                    OverageBooks(
                        org: org, slug: try row["slug"], isGone: try row["is_gone"], account: account,
                        reports: reports)))
        }
        return (books, rows.count == Self.page ? try rows.last?["org_id"] : nil)
    }

    private func reports(_ orgs: [UUID], _ month: Month) async throws -> [UUID: [OverageReport]] {
        let rows = try await database.query(
            """
            SELECT \(OverageReport.columns) FROM overage_reports
            WHERE org_id = ANY (\(orgs)) AND period = \(month.firstDay) ORDER BY created_at, id
            """)
        return Dictionary(grouping: try rows.map(OverageReport.init), by: \.org)
    }

    /// What Stripe has counted, for each customer that the organisation is or was.
    private func ask(_ books: OverageBooks) async throws -> OverageBooks {
        var books = books
        var customers = Set(books.reports.map(\.customer))
        let present = try await database.query(
            """
            SELECT customer_id FROM billing_accounts
            WHERE org_id = \(books.org) AND customer_id IS NOT NULL
            """)
        if let customer = try present.first?["customer_id", as: String.self] { customers.insert(customer) }
        guard !customers.isEmpty else {
            books.counted = 0
            books.problem = "It has no customer at Stripe."
            return books
        }
        do {
            var counted = 0
            for customer in customers {
                counted += try await MeterSums(stripe: stripe).counted(
                    OverageMonth(org: books.org, month: books.account.month, customer: customer))
            }
            books.counted = counted
        } catch let error as ProviderError {
            books.problem = "\(error)"
        } catch let error as AppError {
            books.problem = error.message
        }
        return books
    }

    // MARK: Mending

    /// What can be done about a difference.
    package enum Remedy: Sendable, Equatable {
        case none
        /// Overage that is in no report yet is cut and sent.
        case report
        /// The reports are with Stripe, or on the way; its sums follow.
        case wait(String)
        /// Stripe has answered for these and does not show them, long after: they are sent again.
        case sendAgain([UUID])
        case byHand(String)
    }

    /// Long after an answer, Stripe's sums show what it stands for.
    package static let patience: TimeInterval = 86_400

    package static func remedy(_ books: OverageBooks, sentBefore: [UUID: Date], now: Date) -> Remedy {
        guard let counted = books.counted else { return .byHand(books.problem ?? "Stripe was not asked.") }
        if let problem = books.problem { return .byHand(problem) }
        if books.difference == 0 { return .none }
        if books.reports.contains(where: \.state.isOpen) { return .wait("A report is under way.") }
        let missing = books.reported - counted
        if missing == 0, books.isGone {
            return .byHand("It came after the last invoice of an organisation that is deleted: not charged.")
        }
        if missing == 0 { return .report }
        guard missing > 0 else {
            return .byHand(
                "Stripe has counted \(-missing) more than was ever reported: cancel the surplus there.")
        }
        let sent = books.reports.filter { $0.state == .sent }
        guard sent.allSatisfy({ now.timeIntervalSince(sentBefore[$0.id] ?? now) > patience }) else {
            return .wait("Stripe has not counted all yet.")
        }
        if let one = sent.first(where: { $0.credits == missing }) { return .sendAgain([one.id]) }
        if sent.map(\.credits).reduce(0, +) == missing { return .sendAgain(sent.map(\.id)) }
        return .byHand("No report, nor all of them, is the \(missing) that Stripe does not show.")
    }

    package func remedy(_ books: OverageBooks, now: Date = Date()) async throws -> Remedy {
        let rows = try await database.query(
            """
            SELECT id, finished_at FROM overage_reports
            WHERE id = ANY (\(books.reports.map(\.id))) AND finished_at IS NOT NULL
            """)
        let sent = try Dictionary(
            uniqueKeysWithValues: rows.map {
                (try $0["id", as: UUID.self], try $0["finished_at", as: Date.self])
            })
        return Self.remedy(books, sentBefore: sent, now: now)
    }

    /// - Returns: whether something was done.
    package func apply(_ remedy: Remedy, to books: OverageBooks, by origin: RequestOrigin) async throws
        -> Bool
    {
        let reporter = OverageReporter(billing: billing, stripe: stripe)
        let store = OverageStore(database: database)
        switch remedy {
        case .none, .wait, .byHand: return false
        case .report:
            guard try await reporter.cut(books.org, books.account.month, now: Date()) else { return false }
        case .sendAgain(let ids):
            for report in books.reports where ids.contains(report.id) {
                try await store.move([report], to: .pending, error: "Sent again by hand.")
                try await reporter.sendDue()
            }
        }
        try await AuditLog(database: database).record(
            AuditEvent(
                action: "overage.repaired", org: books.org,
                subject: "\(books.slug) \(books.account.month.text)",
                after: ["remedy": .string(remedy.word), "credits": .number(books.difference)]),
            by: origin)
        try await reporter.sendDue()
        return true
    }
}

extension OverageReconciliation.Remedy {
    package var word: String {
        switch self {
        case .none: "none"
        case .report: "report"
        case .wait: "wait"
        case .sendAgain: "send_again"
        case .byHand: "by_hand"
        }
    }

    /// For a person.
    package var text: String? {
        switch self {
        case .none: nil
        case .report: "Overage that is in no report yet is reported."
        case .sendAgain(let ids): "\(ids.count) reports that Stripe does not show are sent again."
        case .wait(let why), .byHand(let why): why
        }
    }
}
