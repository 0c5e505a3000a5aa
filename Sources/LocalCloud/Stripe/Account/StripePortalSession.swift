/// A page on which a customer changes what they pay for. Source: Stripe API, "The portal session object".
struct StripePortalSession: StripeObject {
    static let kind = "portal session"
    /// Stripe's are short-lived too.
    static let lifetimeSeconds = 3600

    let id: String
    let created: Int
    let customer: String
    let returnURL: String?

    func clock(in account: StripeAccount) -> String? { account.customers[customer]?.testClock }

    func description(in account: StripeAccount) -> JSONValue {
        [
            "id": .string(id), "object": "billing_portal.session", "configuration": "bpc_local",
            "created": .integer(created), "customer": .string(customer), "flow": nil, "livemode": false,
            "locale": nil, "on_behalf_of": nil, "return_url": .text(returnURL),
            "url": .string("\(account.url)/portal/\(id)"),
        ]
    }
}

extension StripeAccount {
    mutating func createPortalSession(_ form: StripeParameters) throws -> StripePortalSession {
        try form.only("customer", "return_url", "configuration", "locale")
        let customer = try livingCustomer(form.required("customer"), param: "customer")
        let session = StripePortalSession(
            id: Self.newID("bps"), created: wallTime, customer: customer.id,
            returnURL: try form.text("return_url"))
        save(session, \.portals, "billing_portal.session.created")
        return session
    }

    /// - Throws: for a page that is too old.
    func portal(_ id: String) throws -> StripePortalSession {
        let session = try portals.find(id)
        guard wallTime - session.created < StripePortalSession.lifetimeSeconds else {
            throw StripeError.noSuch(StripePortalSession.kind, id)
        }
        return session
    }
}
