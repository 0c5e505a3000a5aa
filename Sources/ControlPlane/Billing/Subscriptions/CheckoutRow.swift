import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers

/// A page on which somebody can pay for a plan. The row is written before Stripe is asked for the page.
struct CheckoutRow: Sendable {
    var id: UUID
    var orgID: UUID
    var plan: String
    var successURL: String
    var cancelURL: String
    /// nil while Stripe's answer is not known.
    var sessionID: String?
    var createdAt: Date
    /// Whether Stripe certainly still knows the key.
    var isKeyAlive: Bool

    static let columns: SQL =
        """
        id, org_id, plan, success_url, cancel_url, session_id, created_at,
            created_at > now() - make_interval(secs => \(StripeClient.keyLifetime / .seconds(1)))
                AS is_key_alive
        """

    init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        orgID = try row["org_id", as: UUID.self]
        plan = try row["plan", as: String.self]
        successURL = try row["success_url", as: String.self]
        cancelURL = try row["cancel_url", as: String.self]
        sessionID = try row["session_id", as: String?.self]
        createdAt = try row["created_at", as: Date.self]
        isKeyAlive = try row["is_key_alive", as: Bool.self]
    }

    var idempotencyKey: String { "checkout-\(id.text)" }

    /// The same for the same row as long as its prices are: a call that is sent again says what it said.
    /// - Throws: `price_missing` (422) where Stripe sells nothing under the plan's key.
    func form(customer: String, plan: OrgPlan, _ stripe: StripeClient) async throws -> StripeForm {
        let keys = [plan.lookupKey, plan.overageLookupKey].compactMap { $0 }
        let prices = try await stripe.prices(lookupKeys: keys)
        let items = try keys.map { key -> StripeValue in
            guard let price = prices.first(where: { $0.lookupKey == key }) else {
                throw AppError(
                    .unprocessable, "price_missing",
                    "Stripe has no active price with the lookup key \"\(key)\" of the plan \"\(plan.name)\".")
            }
            // What is metered has no quantity.
            return key == plan.lookupKey
                ? ["price": .text(price.id), "quantity": 1] : ["price": .text(price.id)]
        }
        let metadata = StripeValue.metadata(["org_id": orgID.text])
        return [
            "mode": "subscription", "customer": .text(customer), "client_reference_id": .text(orgID.text),
            "line_items": .list(items), "success_url": .text(successURL), "cancel_url": .text(cancelURL),
            "metadata": metadata, "subscription_data": ["metadata": metadata],
        ]
    }
}

/// The rows of `billing_checkouts`.
struct CheckoutStore: Sendable {
    let database: any PostgresExecutor

    func open(org: UUID) async throws -> [CheckoutRow] {
        try await database.query(
            """
            SELECT \(CheckoutRow.columns) FROM billing_checkouts
            WHERE org_id = \(org) AND closed_at IS NULL
            """
        ).map(CheckoutRow.init)
    }

    /// - Returns: nil when another page was opened meanwhile.
    func insert(org: UUID, plan: OrgPlan, successURL: String, cancelURL: String) async throws -> CheckoutRow?
    {
        try await database.query(
            """
            INSERT INTO billing_checkouts (id, org_id, plan, success_url, cancel_url)
            VALUES (\(UUID()), \(org), \(plan.name), \(successURL), \(cancelURL))
            ON CONFLICT (org_id) WHERE closed_at IS NULL DO NOTHING
            RETURNING \(CheckoutRow.columns)
            """
        ).first.map(CheckoutRow.init)
    }

    func record(_ id: UUID, _ session: StripeCheckoutSession) async throws {
        try await database.execute(
            """
            UPDATE billing_checkouts SET session_id = \(session.id),
                expires_at = to_timestamp(\(session.expiresAt))
            WHERE id = \(id)
            """)
    }

    /// Nobody can pay on it any more.
    func close(_ id: UUID) async throws {
        try await database.execute(
            "UPDATE billing_checkouts SET closed_at = coalesce(closed_at, now()) WHERE id = \(id)")
    }
}
