/// A price of a subscription.
struct StripeSubscriptionItem: Sendable, Equatable {
    let id: String
    let created: Int
    var price: String
    /// Of a price by meter: not counted here.
    var quantity: Int

    static let quantities = 0...1_000_000
}

/// Source: Stripe API, "The Subscription object".
struct StripeSubscription: StripeObject {
    static let kind = "subscription"

    enum PausedInvoices: String, Sendable {
        case keepAsDraft = "keep_as_draft"
        case markUncollectible = "mark_uncollectible"
        case void
    }

    /// How long the first invoice may stay unpaid.
    static let incompleteSeconds = 23 * 3600

    let id: String
    let created: Int
    let customer: String
    let currency: String
    /// incomplete, incomplete_expired, active, past_due, unpaid or canceled.
    var status: String
    var items: [StripeSubscriptionItem]
    let interval: StripeInterval
    let anchor: Int
    var period: StripePeriod
    var metadata: [String: String] = [:]
    var about: String?
    var endsWithPeriod = false
    var cancelAt: Int?
    var canceledAt: Int?
    var endedAt: Int?
    var cancellationReason: String?
    var pausedInvoices: PausedInvoices?
    var resumesAt: Int?
    var latestInvoice: String?

    var isAlive: Bool { !["canceled", "incomplete_expired"].contains(status) }

    func clock(in account: StripeAccount) -> String? { account.customers[customer]?.testClock }

    func description(in account: StripeAccount) -> JSONValue {
        let pause: JSONValue =
            pausedInvoices.map {
                ["behavior": .string($0.rawValue), "resumes_at": .count(resumesAt)]
            } ?? .null
        return [
            "id": .string(id), "object": "subscription", "application": nil, "application_fee_percent": nil,
            "automatic_tax": ["enabled": false, "disabled_reason": nil, "liability": nil],
            "billing_cycle_anchor": .integer(anchor), "billing_cycle_anchor_config": nil,
            "billing_mode": ["type": "flexible"], "billing_thresholds": nil, "cancel_at": .count(cancelAt),
            "cancel_at_period_end": .bool(endsWithPeriod), "canceled_at": .count(canceledAt),
            "cancellation_details": ["comment": nil, "feedback": nil, "reason": .text(cancellationReason)],
            "collection_method": "charge_automatically", "created": .integer(created),
            "currency": .string(currency), "customer": .string(customer), "days_until_due": nil,
            "default_payment_method": .text(account.customers[customer]?.card?.id), "default_source": nil,
            "default_tax_rates": [], "description": .text(about), "discounts": [],
            "ended_at": .count(endedAt), "invoice_settings": ["account_tax_ids": nil],
            "items": [
                "object": "list", "has_more": false, "total_count": .integer(items.count),
                "url": .string("/v1/subscription_items?subscription=\(id)"),
                "data": .array(items.map { describe($0, account) }),
            ],
            "latest_invoice": .text(latestInvoice), "livemode": false, "metadata": .texts(metadata),
            "next_pending_invoice_item_invoice": nil, "on_behalf_of": nil, "pause_collection": pause,
            "payment_settings": ["payment_method_options": nil, "payment_method_types": nil],
            "pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil,
            "schedule": nil, "start_date": .integer(anchor), "status": .string(status),
            "test_clock": .text(clock(in: account)), "transfer_data": nil, "trial_end": nil,
            "trial_settings": nil, "trial_start": nil,
        ]
    }

    private func describe(_ item: StripeSubscriptionItem, _ account: StripeAccount) -> JSONValue {
        let price = account.prices[item.price]
        var members: [String: JSONValue] = [
            "id": .string(item.id), "object": "subscription_item", "billing_thresholds": nil,
            "created": .integer(item.created), "current_period_start": .integer(period.start),
            "current_period_end": .integer(period.end), "discounts": [], "metadata": [:],
            "price": price?.description(in: account) ?? nil, "subscription": .string(id), "tax_rates": [],
        ]
        if price?.meter == nil { members["quantity"] = .integer(item.quantity) }
        return .object(members)
    }
}

extension StripeAccount {
    /// What a new subscription is made of.
    struct NewSubscription {
        var customer: String
        var items: [StripeSubscriptionItem]
        var metadata: [String: String]
        var about: String?
    }

    mutating func createSubscription(_ form: StripeParameters) throws -> StripeSubscription {
        try form.only(
            "customer", "items", "metadata", "description", "payment_behavior", "default_payment_method",
            "collection_method", "proration_behavior", "off_session", "payment_settings")
        _ = try form.choice("collection_method", "charge_automatically")
        let behavior = try form.choice(
            "payment_behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete")
        let customer = try livingCustomer(form.required("customer"), param: "customer")
        if let token = try form.text("default_payment_method"), token != customer.card?.id {
            try replaceCard(of: customer.id, with: .named(token, param: "default_payment_method"))
        }
        let time = now(customer.testClock)
        let items = try form.list("items").map { entry in
            try entry.only("price", "quantity", "metadata")
            return try newItem(entry, at: time)
        }
        guard !items.isEmpty else { throw StripeError.missing("items") }
        let order = NewSubscription(
            customer: customer.id, items: items, metadata: try form.metadata(),
            about: try form.text("description"))
        let made = try begin(order, pays: behavior != "default_incomplete")
        if made.status == "incomplete", behavior == "error_if_incomplete" { throw StripeError.declined }
        return made
    }

    func newItem(_ form: StripeParameters, at time: Int) throws -> StripeSubscriptionItem {
        let id = try form.required("price")
        let price = try prices.find(id, param: form.name("price"))
        let quantity = try form.integer("quantity")
        guard price.isActive, price.interval != nil else {
            throw StripeError.invalid(
                form.name("price"), "The price specified is inactive, or not a recurring one.")
        }
        guard price.meter == nil || quantity == nil else {
            throw StripeError.invalid(
                form.name("quantity"), "Quantity should not be specified where usage_type is `metered`.")
        }
        guard StripeSubscriptionItem.quantities.contains(quantity ?? 1) else {
            throw StripeError.invalid(form.name("quantity"), "Invalid quantity")
        }
        return StripeSubscriptionItem(
            id: Self.newID("si"), created: time, price: id, quantity: quantity ?? 1)
    }

    /// The interval and currency that all of the prices share.
    func common(_ items: [StripeSubscriptionItem]) throws -> (StripeInterval, currency: String) {
        let used = items.compactMap { prices[$0.price] }
        guard let first = used.first, let interval = first.interval else {
            throw StripeError.missing("items")
        }
        guard used.allSatisfy({ $0.interval == interval && $0.currency == first.currency }) else {
            throw StripeError.invalid(
                "items", "Prices of one subscription have the same currency and interval.")
        }
        guard Set(items.map(\.price)).count == items.count else {
            throw StripeError.invalid(
                "items", "Cannot add multiple subscription items with the same price.")
        }
        return (interval, first.currency)
    }

    /// Makes the subscription and its first invoice.
    /// - Parameter pays: whether the invoice is charged at once.
    mutating func begin(_ order: NewSubscription, pays: Bool) throws -> StripeSubscription {
        var customer = try livingCustomer(order.customer, param: "customer")
        let time = now(customer.testClock)
        let (interval, currency) = try common(order.items)
        if customer.currency == nil {
            customer.currency = currency
            save(customer, \.customers, nil)
        }
        var subscription = StripeSubscription(
            id: Self.newID("sub"), created: time, customer: customer.id, currency: currency,
            status: "incomplete", items: order.items, interval: interval, anchor: time,
            period: interval.period(from: time, anchor: time), metadata: order.metadata, about: order.about)
        let lines = advanceLines(subscription, subscription.period)
        let invoice = draft(subscription, lines, reason: "subscription_create", period: .init(time, time))
        subscription.latestInvoice = invoice.id
        save(subscription, \.subscriptions, "customer.subscription.created")
        finalize(invoice.id)
        if pays || invoices[invoice.id]?.amountDue == 0 { _ = collect(invoice.id) }
        return subscriptions[subscription.id] ?? subscription
    }
}

extension StripePeriod {
    init(_ start: Int, _ end: Int) { self.init(start: start, end: end) }
}
