/// A page on which a customer subscribes. Source: Stripe API, "The Checkout Session object".
struct StripeCheckoutSession: StripeObject {
    static let kind = "checkout.session"
    static let lifetimeSeconds = 24 * 3600

    let id: String
    let created: Int
    var customer: String?
    let email: String?
    let items: [StripeSubscriptionItem]
    let currency: String
    let total: Int
    let successURL: String
    let cancelURL: String?
    let reference: String?
    let metadata: [String: String]
    let subscriptionMetadata: [String: String]
    let expiresAt: Int
    /// open, complete or expired.
    var status = "open"
    var subscription: String?
    var invoice: String?

    func clock(in account: StripeAccount) -> String? {
        customer.flatMap { account.customers[$0]?.testClock }
    }

    func description(in account: StripeAccount) -> JSONValue {
        let owner = customer.flatMap { account.customers[$0] }
        let details: JSONValue =
            status == "complete" ? ["email": .text(owner?.email ?? email), "name": .text(owner?.name)] : nil
        return [
            "id": .string(id), "object": "checkout.session", "amount_subtotal": .integer(total),
            "amount_total": .integer(total), "automatic_tax": ["enabled": false],
            "cancel_url": .text(cancelURL), "client_reference_id": .text(reference), "client_secret": nil,
            "created": .integer(created), "currency": .string(currency), "customer": .text(customer),
            "customer_details": details, "customer_email": .text(email), "expires_at": .integer(expiresAt),
            "invoice": .text(invoice), "livemode": false, "locale": nil, "metadata": .texts(metadata),
            "mode": "subscription", "payment_intent": nil, "payment_method_types": ["card"],
            "payment_status": status == "complete" ? "paid" : "unpaid", "setup_intent": nil,
            "status": .string(status), "submit_type": nil, "subscription": .text(subscription),
            "success_url": .string(successURL), "ui_mode": "hosted_page",
            "url": status == "open" ? .string("\(account.url)/pay/\(id)") : nil,
        ]
    }

    /// Only there where it is asked for.
    func lineItems(in account: StripeAccount) -> [JSONValue] {
        items.map { item in
            let price = account.prices[item.price]
            let amount = price?.meter == nil ? price?.amount(item.quantity) ?? 0 : 0
            return [
                "id": .string("li_" + item.id.dropFirst(3)), "object": "item",
                "amount_subtotal": .integer(amount), "amount_total": .integer(amount),
                "amount_discount": 0, "amount_tax": 0, "currency": .string(currency),
                "description": .text(price.flatMap { account.products[$0.product]?.name }),
                "price": price?.description(in: account) ?? nil,
                "quantity": price?.meter == nil ? .integer(item.quantity) : nil,
            ]
        }
    }

    /// Where the browser goes afterwards. Source: Stripe, "Customize redirect behavior".
    var successPage: String { successURL.replacing("{CHECKOUT_SESSION_ID}", with: id) }
}

extension StripeAccount {
    mutating func createCheckoutSession(_ form: StripeParameters) throws -> StripeCheckoutSession {
        try form.only(
            "mode", "customer", "customer_email", "line_items", "success_url", "cancel_url", "metadata",
            "client_reference_id", "subscription_data", "expires_at", "allow_promotion_codes", "locale",
            "payment_method_types", "billing_address_collection", "customer_update", "ui_mode",
            "payment_method_collection", "automatic_tax", "tax_id_collection")
        guard try form.required("mode") == "subscription" else {
            throw StripeError.invalid("mode", "The local cloud has sessions with mode=subscription only.")
        }
        let customer = try form.text("customer")
        let owner = try customer.map { try livingCustomer($0, param: "customer") }
        let time = now(owner?.testClock)
        let items = try form.list("line_items").map { entry in
            try entry.only("price", "quantity", "adjustable_quantity")
            let item = try newItem(entry, at: time)
            guard try prices[item.price]?.meter != nil || entry.integer("quantity") != nil else {
                throw StripeError.missing(entry.name("quantity"))
            }
            return item
        }
        guard !items.isEmpty else { throw StripeError.missing("line_items") }
        let (_, currency) = try common(items)
        let expiry = try form.integer("expires_at") ?? time + StripeCheckoutSession.lifetimeSeconds
        guard (time + 1800 - 60...time + StripeCheckoutSession.lifetimeSeconds).contains(expiry) else {
            throw StripeError.invalid("expires_at", "expires_at must be from 30 minutes to 24 hours ahead")
        }
        let plan = try form.nested("subscription_data")
        try plan?.only("metadata", "description")
        let session = StripeCheckoutSession(
            id: Self.newID("cs_test"), created: time, customer: customer,
            email: try form.text("customer_email"), items: items, currency: currency,
            total: items.reduce(0) { total, item in
                let price = prices[item.price]
                return total + (price?.meter == nil ? price?.amount(item.quantity) ?? 0 : 0)
            },
            successURL: try form.required("success_url"), cancelURL: try form.text("cancel_url"),
            reference: try form.text("client_reference_id"), metadata: try form.metadata(),
            subscriptionMetadata: try plan?.metadata() ?? [:], expiresAt: expiry)
        save(session, \.sessions, nil)
        return session
    }

    mutating func expireCheckoutSession(_ id: String) throws -> StripeCheckoutSession {
        guard try sessions.find(id).status == "open" else {
            throw StripeError.unexpected("Only Checkout Sessions with a status in [open] can be expired.")
        }
        expireSession(id)
        return try sessions.find(id)
    }

    mutating func expireSession(_ id: String) {
        guard var session = sessions[id], session.status == "open" else { return }
        session.status = "expired"
        save(session, \.sessions, "checkout.session.expired")
    }

    /// What the button on the page does: the card is charged, and the subscription begins. A second press
    /// finds it done.
    mutating func payCheckoutSession(_ id: String, with card: StripeCard) throws -> StripeCheckoutSession {
        var session = try sessions.find(id)
        guard session.status != "complete" else { return session }
        guard session.status == "open" else {
            throw StripeError.unexpected("This Checkout Session has expired.")
        }
        guard card.pays else { throw StripeError.declined }
        let customer = session.customer ?? newcomer(session).id
        session.customer = customer
        try replaceCard(of: customer, with: card)
        let subscription = try begin(
            NewSubscription(
                customer: customer, items: session.items, metadata: session.subscriptionMetadata), pays: true)
        session.subscription = subscription.id
        session.invoice = subscription.latestInvoice
        session.status = "complete"
        save(session, \.sessions, "checkout.session.completed")
        return session
    }

    private mutating func newcomer(_ session: StripeCheckoutSession) -> StripeCustomer {
        let customer = StripeCustomer(
            id: Self.newID("cus"), created: wallTime, testClock: nil, email: session.email)
        save(customer, \.customers, "customer.created")
        return customer
    }
}
