/// A card by how it behaves. Source: Stripe, "Testing", by number and by `pm_card_...`.
struct StripeCard: Sendable, Equatable {
    let id: String
    let lastDigits: String
    /// Whether charges succeed.
    var pays: Bool

    static func good() -> StripeCard {
        StripeCard(id: StripeAccount.newID("pm"), lastDigits: "4242", pays: true)
    }

    /// Can be attached; every charge is declined.
    static func failing() -> StripeCard {
        StripeCard(id: StripeAccount.newID("pm"), lastDigits: "0341", pays: false)
    }

    /// A new card for one of Stripe's tokens.
    static func named(_ token: String, param: String) throws -> StripeCard {
        switch token {
        case "pm_card_visa": return good()
        case "pm_card_chargeCustomerFail": return failing()
        case "pm_card_visa_chargeDeclined", "pm_card_chargeDeclined": throw StripeError.declined
        default: throw StripeError.noSuch("PaymentMethod", token, param: param)
        }
    }
}

/// Source: Stripe API, "The Customer object".
struct StripeCustomer: StripeObject {
    static let kind = "customer"

    let id: String
    let created: Int
    let testClock: String?
    var email: String?
    var name: String?
    var phone: String?
    var about: String?
    var metadata: [String: String] = [:]
    var card: StripeCard?
    /// Negative: a credit, which the next invoices use up.
    var balance = 0
    var currency: String?
    var nextInvoiceNumber = 1
    var isDeleted = false

    func clock(in account: StripeAccount) -> String? { testClock }

    func description(in account: StripeAccount) -> JSONValue {
        guard !isDeleted else { return ["id": .string(id), "object": "customer", "deleted": true] }
        let isDelinquent = account.subscriptions.all.contains {
            $0.customer == id && ["past_due", "unpaid"].contains($0.status)
        }
        return [
            "id": .string(id), "object": "customer", "address": nil, "balance": .integer(balance),
            "created": .integer(created), "currency": .text(currency), "default_source": nil,
            "delinquent": .bool(isDelinquent), "description": .text(about), "discount": nil,
            "email": .text(email), "invoice_prefix": .string(invoicePrefix),
            "invoice_settings": [
                "custom_fields": nil, "default_payment_method": .text(card?.id), "footer": nil,
                "rendering_options": nil,
            ], "livemode": false, "metadata": .texts(metadata), "name": .text(name),
            "next_invoice_sequence": .integer(nextInvoiceNumber), "phone": .text(phone),
            "preferred_locales": [], "shipping": nil, "tax_exempt": "none", "test_clock": .text(testClock),
        ]
    }

    var invoicePrefix: String { id.suffix(8).uppercased() }
}

extension JSONValue {
    /// A string, or null.
    static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    /// A number, or null.
    static func count(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }

    static func texts(_ values: [String: String]) -> JSONValue { .object(values.mapValues { .string($0) }) }
}

extension StripeAccount {
    mutating func createCustomer(_ form: StripeParameters) throws -> StripeCustomer {
        try form.only(
            "email", "name", "phone", "description", "metadata", "test_clock", "payment_method",
            "invoice_settings")
        let clock = try form.text("test_clock")
        if let clock { _ = try clocks.find(clock, param: "test_clock") }
        var customer = StripeCustomer(id: Self.newID("cus"), created: now(clock), testClock: clock)
        if let token = try form.text("payment_method") {
            customer.card = try .named(token, param: "payment_method")
        }
        try Self.apply(form, to: &customer)
        save(customer, \.customers, "customer.created")
        return customer
    }

    mutating func updateCustomer(_ id: String, _ form: StripeParameters) throws -> StripeCustomer {
        try form.only("email", "name", "phone", "description", "metadata", "invoice_settings")
        var customer = try livingCustomer(id)
        try Self.apply(form, to: &customer)
        save(customer, \.customers, "customer.updated")
        return customer
    }

    private static func apply(_ form: StripeParameters, to customer: inout StripeCustomer) throws {
        if form.has("email") { customer.email = try form.text("email") }
        if form.has("name") { customer.name = try form.text("name") }
        if form.has("phone") { customer.phone = try form.text("phone") }
        if form.has("description") { customer.about = try form.text("description") }
        customer.metadata = try form.metadata(over: customer.metadata)
        guard let invoicing = try form.nested("invoice_settings") else { return }
        try invoicing.only("default_payment_method")
        guard let method = try invoicing.text("default_payment_method"), method != customer.card?.id,
            try form.text("payment_method") != method
        else { return }
        customer.card = try .named(method, param: invoicing.name("default_payment_method"))
    }

    /// - Parameter param: what names the customer; nil for the path.
    func livingCustomer(_ id: String, param: String? = nil) throws -> StripeCustomer {
        let customer = try customers.find(id, param: param)
        guard !customer.isDeleted else { throw StripeError.noSuch("customer", id, param: param) }
        return customer
    }

    /// Ends its subscriptions at once.
    mutating func deleteCustomer(_ id: String) throws -> JSONValue {
        var customer = try livingCustomer(id)
        for subscription in subscriptions.all where subscription.customer == id && subscription.isAlive {
            end(subscription.id, at: now(customer.testClock))
        }
        record("customer.deleted", customer.description(in: self), customer.testClock)
        customer.isDeleted = true
        save(customer, \.customers, nil)
        return customer.description(in: self)
    }

    /// Another card, as the portal and an operator give it.
    mutating func replaceCard(of id: String, with card: StripeCard) throws {
        var customer = try livingCustomer(id)
        customer.card = card
        record("payment_method.attached", Self.describe(card, customer), customer.testClock)
        save(customer, \.customers, "customer.updated")
    }

    private static func describe(_ card: StripeCard, _ customer: StripeCustomer) -> JSONValue {
        [
            "id": .string(card.id), "object": "payment_method", "type": "card", "livemode": false,
            "customer": .string(customer.id), "created": .integer(customer.created), "metadata": [:],
            "card": [
                "brand": "visa", "last4": .string(card.lastDigits), "exp_month": 12, "exp_year": 2040,
                "country": "US", "funding": "credit",
            ],
        ]
    }
}
