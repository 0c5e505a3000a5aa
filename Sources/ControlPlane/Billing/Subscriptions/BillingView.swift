import FoundationEssentials
import Organisations
import Postgres

/// How an organisation stands with its payments.
package struct BillingView: Encodable, Sendable {
    package struct Subscription: Encodable, Sendable {
        package var id: String
        package var status: String
        var periodEnd: Date?
        package var endsAt: Date?

        package init(id: String, status: String, periodEnd: Date? = nil, endsAt: Date? = nil) {
            self.id = id
            self.status = status
            self.periodEnd = periodEnd
            self.endsAt = endsAt
        }

        enum CodingKeys: String, CodingKey {
            case id, status
            case periodEnd = "period_end"
            case endsAt = "ends_at"
        }
    }

    package var slug: String
    package var plan: String
    package var status: Org.Status
    package var billingStatus: BillingStatus
    package var graceEndsAt: Date?
    package var subscription: Subscription?
    /// Newest first.
    package var notices: [BillingNotice]
    package var invoices: [Invoice]

    enum CodingKeys: String, CodingKey {
        case slug, plan, status, subscription, notices, invoices
        case billingStatus = "billing_status"
        case graceEndsAt = "grace_ends_at"
    }

    static let maximumNotices = 100
    static let maximumInvoices = 100

    package init(of org: Org, _ database: any PostgresExecutor) async throws {
        (slug, plan, status) = (org.slug, org.plan, org.status)
        (billingStatus, graceEndsAt) = (org.billingStatus, org.graceEndsAt)
        if let account = try await BillingStore(database: database).find(org: org.id),
            let id = account.subscriptionID
        {
            subscription = Subscription(
                id: id, status: account.subscriptionStatus ?? "", periodEnd: account.periodEnd,
                endsAt: account.endsAt)
        }
        notices = try await NoticeStore(database: database).list(org: org.id, limit: Self.maximumNotices)
        invoices = try await InvoiceStore(database: database).list(org: org.id, limit: Self.maximumInvoices)
    }
}

/// What operators see beyond that: why an organisation is billed as it is.
package struct WhyBilling: Encodable, Sendable {
    package var billing: BillingView
    package var customer: String?
    var lookupKey: String?
    /// Subscriptions beside the one that counts that have not ended: somebody may be paying twice.
    package var surplus: Int
    package var failingSince: Date?
    package var problem: String?
    var syncedAt: Date?
    /// Looks that were ordered, and not made yet.
    package var pending: Int
    var nextLookAt: Date?
    /// The last ones that came.
    package var events: [Event]

    package struct Event: Encodable, Sendable {
        package var id: String
        package var type: String
        package var outcome: String
        package var at: Date

        package init(id: String, type: String, outcome: String, at: Date) {
            self.id = id
            self.type = type
            self.outcome = outcome
            self.at = at
        }
    }

    enum CodingKeys: String, CodingKey {
        case billing, customer, surplus, problem, pending, events
        case lookupKey = "lookup_key"
        case failingSince = "failing_since"
        case syncedAt = "synced_at"
        case nextLookAt = "next_look_at"
    }

    package static let maximumEvents = 20

    package init(of org: Org, _ database: any PostgresExecutor) async throws {
        billing = try await BillingView(of: org, database)
        let account = try await BillingStore(database: database).find(org: org.id)
        customer = account?.customerID
        lookupKey = account?.lookupKey
        surplus = account?.surplus ?? 0
        failingSince = account?.failingSince
        problem = account?.problem
        syncedAt = account?.syncedAt
        pending = account.map { $0.syncRequested - $0.syncDone } ?? 0
        nextLookAt = account?.nextLookAt
        events = try await database.query(
            """
            SELECT id, type, outcome, received_at FROM billing_events WHERE org_id = \(org.id)
            ORDER BY received_at DESC LIMIT \(Self.maximumEvents)
            """
        ).map {
            Event(
                id: try $0["id"], type: try $0["type"], outcome: try $0["outcome"],
                at: try $0["received_at"])
        }
    }
}
