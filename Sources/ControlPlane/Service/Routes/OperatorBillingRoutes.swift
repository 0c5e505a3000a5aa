import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/billing/*` and `/cp/admin/orgs/:slug/billing`: what operators see and order; and what customers
/// see.
struct OperatorBillingRoutes: Sendable {
    let platform: Platform

    static let listLimits = 1...1_000
    static let defaultListLimit = 100

    /// `GET /cp/orgs/:slug/billing`
    func showOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await BillingView(of: try context.org(), platform.database))
    }

    /// `GET /cp/admin/orgs/:slug/billing`
    func why(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await WhyBilling(of: try await org(context), platform.database))
    }

    private struct Listed: Encodable {
        var slug: String
        var plan: String
        var billingStatus: String
        var customer: String?
        var subscription: String?
        var subscriptionStatus: String?
        var problem: String?

        enum CodingKeys: String, CodingKey {
            case slug, plan, customer, subscription, problem
            case billingStatus = "billing_status"
            case subscriptionStatus = "subscription_status"
        }

        init(_ row: Row) throws {
            slug = try row["slug"]
            plan = try row["plan"]
            billingStatus = try row["billing_status"]
            customer = try row["customer_id"]
            subscription = try row["subscription_id"]
            subscriptionStatus = try row["subscription_status"]
            problem = try row["problem"]
        }
    }

    /// `GET /cp/admin/billing/subscriptions`
    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultListLimit
        let offset = try request.number("offset", in: 0...1_000_000) ?? 0
        let rows = try await platform.database.query(
            """
            SELECT slug, plan, billing_status, customer_id, subscription_id, subscription_status, problem
            FROM billing_accounts JOIN orgs ON orgs.id = org_id WHERE orgs.status <> 'purged'
            ORDER BY slug LIMIT \(limit) OFFSET \(offset)
            """)
        return try Response.json(["subscriptions": try rows.map(Listed.init)])
    }

    private struct Ordered: Encodable { var ordered = true }

    /// `POST /cp/admin/orgs/:slug/billing/sync`
    func sync(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        try await platform.database.transaction { transaction in
            guard
                try await SubscriptionSyncs(billing: platform.billing).requestSync(
                    org: org.id, in: transaction)
            else {
                throw AppError(
                    .conflict, "no_customer", "Nothing was ever paid for \"\(org.slug)\": it has no account.")
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(action: "billing.sync_ordered", org: org.id, subject: org.slug),
                by: context.origin)
        }
        return try Response.json(Ordered(), status: .accepted)
    }

    /// `POST /cp/admin/billing/sync`: compares all subscriptions now, for somebody who waits.
    func compare(_ request: Request, _ context: AppContext) async throws -> Response {
        let comparison = try await BillingReconciler(billing: platform.billing).perform(.person)
        try await AuditLog(database: platform.database).record(
            AuditEvent(action: "billing.compared", subject: "subscriptions"), by: context.origin)
        guard let comparison else {
            throw AppError(
                .conflict, "comparison_in_progress", "A comparison is under way. Try again shortly.",
                retryAfter: 5)
        }
        return try Response.json(comparison)
    }

    private func org(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }
}
