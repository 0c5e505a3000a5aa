import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations
import Providers

/// `/cp/admin/billing/overage`
struct OverageRoutes: Sendable {
    let platform: Platform
    let stripe: StripeClient

    private var reconciliation: OverageReconciliation {
        OverageReconciliation(billing: platform.billing, stripe: stripe)
    }

    private struct Entry: Encodable {
        var books: OverageBooks
        var remedy: OverageReconciliation.Remedy
        var isDone: Bool?

        private enum CodingKeys: String, CodingKey {
            case remedy, advice
            case isDone = "done"
        }

        func encode(to encoder: any Encoder) throws {
            try books.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(remedy.word, forKey: .remedy)
            try container.encodeIfPresent(remedy.text, forKey: .advice)
            try container.encodeIfPresent(isDone, forKey: .isDone)
        }
    }

    private struct Page: Encodable {
        var month: String
        var organisations: [Entry]
        /// For `after`: the page behind this one; nil at the end.
        var next: String?
    }

    /// `GET /cp/admin/billing/overage?month=&org=&after=`
    func compare(_ request: Request, _ context: AppContext) async throws -> Response {
        let query = request.uri.queryParameters
        let month = try CreditRoutes.month(query["month"].map(String.init))
        let org = try await org(query["org"].map(String.init))
        let after = try query["after"].map { text in
            guard let id = UUID(uuidString: String(text)) else {
                throw AppError.invalidField("after", "The parameter \"after\" is `next` of a page.")
            }
            return id
        }
        let (books, next) = try await reconciliation.books(month, org: org, after: after)
        var entries: [Entry] = []
        for books in books {
            entries.append(Entry(books: books, remedy: try await reconciliation.remedy(books)))
        }
        return try Response.json(Page(month: month.text, organisations: entries, next: next?.text))
    }

    struct Order: RequestFields {
        var org: String
        var month: String
        var dryRun: Bool

        enum CodingKeys: String, CodingKey, CaseIterable {
            case org, month
            case dryRun = "dry_run"
        }
    }

    /// `POST /cp/admin/billing/overage/repair`
    func repair(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        let month = try CreditRoutes.month(order.month)
        let org = try await org(order.org)
        guard let books = try await reconciliation.books(month, org: org).books.first else {
            throw AppError(
                .notFound, "no_overage", "\(order.org) has no overage and no report in \(month.text).")
        }
        let remedy = try await reconciliation.remedy(books)
        guard !order.dryRun else { return try Response.json(Entry(books: books, remedy: remedy)) }
        let isDone = try await reconciliation.apply(remedy, to: books, by: context.origin)
        return try Response.json(Entry(books: books, remedy: remedy, isDone: isDone))
    }

    /// - Parameter name: a slug, or the id of an organisation that may be gone.
    private func org(_ name: String?) async throws -> UUID? {
        guard let name else { return nil }
        if let id = UUID(uuidString: name) { return id }
        return try await OrgStore(database: platform.database).require(slug: try Slug(name)).id
    }
}
