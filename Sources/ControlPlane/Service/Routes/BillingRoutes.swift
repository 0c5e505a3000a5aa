import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres
import Providers

/// `/cp/billing/*` and `/cp/orgs/:slug/billing`: what customers do about their payments.
struct BillingRoutes: Sendable {
    let platform: Platform
    let stripe: StripeClient

    struct CheckoutOrder: RequestFields {
        var orgSlug: String
        var plan: String
        var successURL: String
        var cancelURL: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case plan
            case orgSlug = "org_slug"
            case successURL = "success_url"
            case cancelURL = "cancel_url"
        }
    }

    struct PortalOrder: RequestFields {
        var orgSlug: String
        var returnURL: String

        enum CodingKeys: String, CodingKey, CaseIterable {
            case orgSlug = "org_slug"
            case returnURL = "return_url"
        }
    }

    private struct Page: Encodable {
        var url: String
        /// Of a Checkout Session.
        var id: String?
    }

    func checkout(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(CheckoutOrder.self, from: request)
        let org = try await org(body.orgSlug, context)
        let plan = try platform.configuration.billing.plans.offered(body.plan)
        guard !plan.isFree else {
            throw AppError.invalidField("plan", "The plan \"\(plan.name)\" costs nothing.")
        }
        let order = Checkout.Order(
            org: org, plan: plan, successURL: try checked(body.successURL, "success_url"),
            cancelURL: try checked(body.cancelURL, "cancel_url"))
        let session = try await Checkout(billing: platform.billing, stripe: stripe).open(
            order, by: context.origin)
        guard let url = session.url else {
            throw AppError(.conflict, "checkout_over", "The page is over already. Ask again.", retryAfter: 1)
        }
        return try Response.json(Page(url: url, id: session.id))
    }

    /// Invoices, cards, another plan, the end of a subscription: all of that is Stripe's page.
    func portal(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(PortalOrder.self, from: request)
        let org = try await org(body.orgSlug, context)
        let returnURL = try checked(body.returnURL, "return_url")
        let account = try await BillingStore(database: platform.database).find(org: org.id)
        var page: StripePortalSession?
        if let customer = account?.customerID {
            page = try await BillingCustomers(billing: platform.billing, stripe: stripe)
                .using(customer, of: org, by: context.origin) {
                    try await stripe.createPortal(
                        customer: customer, returnURL: returnURL, idempotencyKey: "portal-\(context.id)")
                }
        }
        guard let page else {
            throw AppError(
                .conflict, "no_customer", "Nothing was ever paid for \"\(org.slug)\". Begin with a checkout.")
        }
        try await AuditLog(database: platform.database).record(
            AuditEvent(action: "billing.portal_opened", org: org.id, subject: org.slug), by: context.origin)
        return try Response.json(Page(url: page.url))
    }

    /// The living organisation that the body names, as far as the caller may pay for it.
    private func org(_ text: String, _ context: AppContext) async throws -> Org {
        let slug = try Slug(text)
        let admission = try await CustomerGate(platform)
            .authorize(context.caller, for: .manageBilling, slug: slug)
        guard let org = admission.org, org.status != .purged, org.status != .deprovisioning else {
            throw AppError.orgNotFound(slug.text)
        }
        return org
    }

    /// Stripe puts its session's id in place of this.
    private static let sessionPlace = "{CHECKOUT_SESSION_ID}"

    /// On the platform's own domains, or of an origin whose pages may call these routes.
    private func checked(_ text: String, _ field: String) throws -> String {
        let browser = platform.configuration.browser
        let filled = text.replacing(Self.sessionPlace, with: "cs")
        let isOfOrigin =
            platform.configuration.corsOrigins.contains(filled.origin)
            && filled.utf8.count <= ReturnURLs.maximumLength
            && !filled.unicodeScalars.contains { $0.value <= 32 || $0 == "\\" || $0 == "@" }
        guard browser.returnURLs.allows(filled) || isOfOrigin else {
            throw AppError.invalidField(
                field,
                "The field \"\(field)\" is an https URL on one of the platform's domains, or of an origin "
                    + "in CORS_ORIGINS.")
        }
        return text
    }
}
