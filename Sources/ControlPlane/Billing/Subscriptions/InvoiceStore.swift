import FoundationEssentials
import Postgres
import Providers

/// The rows of `billing_invoices`. They outlive the organisation.
struct InvoiceStore: Sendable {
    let database: any PostgresExecutor

    /// As Stripe shows them now.
    func record(_ invoices: [StripeInvoice], org: UUID) async throws {
        for invoice in invoices {
            try await database.execute(
                """
                INSERT INTO billing_invoices (id, org_id, number, status, currency, total, amount_paid,
                    created_at)
                VALUES (\(invoice.id), \(org), \(invoice.number), \(invoice.status), \(invoice.currency),
                    \(invoice.total), \(invoice.amountPaid), to_timestamp(\(invoice.created)))
                ON CONFLICT (id) DO UPDATE SET number = excluded.number, status = excluded.status,
                    total = excluded.total, amount_paid = excluded.amount_paid, updated_at = now()
                WHERE (billing_invoices.number, billing_invoices.status, billing_invoices.total,
                    billing_invoices.amount_paid)
                    IS DISTINCT FROM (excluded.number, excluded.status, excluded.total,
                        excluded.amount_paid)
                """)
        }
    }

    /// Newest first.
    func list(org: UUID, limit: Int) async throws -> [Invoice] {
        try await database.query(
            """
            SELECT id, number, status, currency, total, amount_paid, created_at FROM billing_invoices
            WHERE org_id = \(org) ORDER BY created_at DESC, id LIMIT \(limit)
            """
        ).map(Invoice.init)
    }
}

/// An invoice as its organisation sees it. Amounts are the currency's smallest unit.
package struct Invoice: Sendable, Encodable {
    package var id: String
    package var number: String?
    package var status: String?
    package var currency: String
    package var total: Int
    var amountPaid: Int
    package var createdAt: Date

    enum CodingKeys: String, CodingKey {
        case id, number, status, currency, total
        case amountPaid = "amount_paid"
        case createdAt = "created_at"
    }

    package init(_ row: Row) throws {
        id = try row["id", as: String.self]
        number = try row["number", as: String?.self]
        status = try row["status", as: String?.self]
        currency = try row["currency", as: String.self]
        total = try row["total", as: Int.self]
        amountPaid = try row["amount_paid", as: Int.self]
        createdAt = try row["created_at", as: Date.self]
    }
}
