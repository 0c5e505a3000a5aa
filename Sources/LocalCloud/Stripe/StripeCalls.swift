/// What each operation does.
extension StripeAccount {
    mutating func perform(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createCustomer, .showCustomer, .updateCustomer, .deleteCustomer, .listCustomers:
            try customer(route, form)
        case .createProduct, .showProduct, .listProducts, .createPrice, .showPrice, .listPrices:
            try catalogue(route, form)
        case .createCheckoutSession, .showCheckoutSession, .listCheckoutSessions, .expireCheckoutSession,
            .listLineItems:
            try checkout(route, form)
        case .createPortalSession: try createPortalSession(form).description(in: self)
        case .createSubscription, .showSubscription, .updateSubscription, .cancelSubscription,
            .listSubscriptions:
            try subscription(route, form)
        case .showInvoice, .listInvoices, .payInvoice, .finalizeInvoice, .voidInvoice,
            .markInvoiceUncollectible:
            try invoice(route, form)
        case .createMeter, .showMeter, .listMeters, .createMeterEvent, .listMeterEventSummaries:
            try meter(route, form)
        case .showEvent, .listEvents: try event(route, form)
        case .createWebhookEndpoint, .showWebhookEndpoint, .updateWebhookEndpoint, .deleteWebhookEndpoint,
            .listWebhookEndpoints:
            try endpoint(route, form)
        case .createTestClock, .showTestClock, .advanceTestClock, .deleteTestClock, .listTestClocks:
            try clock(route, form)
        }
    }

    /// A list whose parameters are those of every list and some of its own.
    private func list<Row: StripeObject>(
        _ rows: [Row], _ form: StripeParameters, _ own: [String] = [], _ path: String
    ) throws -> JSONValue {
        try form.only(StripePage.parameters + own)
        return try StripePage(form).list(rows, self, url: "/v1/" + path)
    }

    private mutating func customer(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createCustomer: return try createCustomer(form).description(in: self)
        case .updateCustomer: return try updateCustomer(route.id, form).description(in: self)
        case .deleteCustomer: return try deleteCustomer(route.id)
        case .listCustomers:
            let (email, clock) = (try form.text("email"), try form.text("test_clock"))
            let rows = customers.newestFirst.filter {
                !$0.isDeleted && (email == nil || $0.email == email) && $0.testClock == clock
            }
            return try list(rows, form, ["email", "test_clock"], "customers")
        default:
            try form.only()
            return try customers.find(route.id).description(in: self)
        }
    }

    private mutating func catalogue(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createProduct: return try createProduct(form).description(in: self)
        case .createPrice: return try createPrice(form).description(in: self)
        case .showProduct: return try products.find(route.id).description(in: self)
        case .listProducts:
            let active = try form.flag("active")
            let rows = products.newestFirst.filter { active == nil || $0.isActive == active }
            return try list(rows, form, ["active"], "products")
        case .listPrices:
            let (active, keys) = (try form.flag("active"), try form.texts("lookup_keys"))
            let (product, type) = (try form.text("product"), try form.text("type"))
            let rows = prices.newestFirst.filter { price in
                (active == nil || price.isActive == active) && (product == nil || price.product == product)
                    && (keys.isEmpty || price.lookupKey.map(keys.contains) == true)
                    && (type == nil || (type == "recurring") == (price.interval != nil))
            }
            return try list(rows, form, ["active", "lookup_keys", "product", "type"], "prices")
        default: return try prices.find(route.id).description(in: self)
        }
    }

    private mutating func checkout(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createCheckoutSession: return try createCheckoutSession(form).description(in: self)
        case .expireCheckoutSession: return try expireCheckoutSession(route.id).description(in: self)
        case .listLineItems:
            try form.only(StripePage.parameters)
            return try StripePage(form).list(
                sessions.find(route.id).lineItems(in: self),
                url: "/v1/checkout/sessions/\(route.id)/line_items")
        case .listCheckoutSessions:
            let (customer, status) = (try form.text("customer"), try form.text("status"))
            let subscription = try form.text("subscription")
            let rows = sessions.newestFirst.filter {
                (customer == nil || $0.customer == customer) && (status == nil || $0.status == status)
                    && (subscription == nil || $0.subscription == subscription)
            }
            return try list(rows, form, ["customer", "status", "subscription"], "checkout/sessions")
        default: return try sessions.find(route.id).description(in: self)
        }
    }

    private mutating func subscription(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createSubscription: return try createSubscription(form).description(in: self)
        case .updateSubscription: return try updateSubscription(route.id, form).description(in: self)
        case .cancelSubscription: return try cancelSubscription(route.id, form).description(in: self)
        case .listSubscriptions:
            let (customer, status) = (try form.text("customer"), try form.text("status"))
            let (price, clock) = (try form.text("price"), try form.text("test_clock"))
            let rows = subscriptions.newestFirst.filter { row in
                (customer == nil || row.customer == customer) && Self.matches(row.status, status)
                    && (price == nil || row.items.contains { $0.price == price })
                    && (customer != nil || row.clock(in: self) == clock)
            }
            return try list(rows, form, ["customer", "status", "price", "test_clock"], "subscriptions")
        default: return try subscriptions.find(route.id).description(in: self)
        }
    }

    /// Without a status, what is canceled is left out. Source: Stripe API, "List subscriptions".
    private static func matches(_ status: String, _ wanted: String?) -> Bool {
        switch wanted {
        case nil: status != "canceled"
        case "all": true
        case "ended": ["canceled", "incomplete_expired"].contains(status)
        default: status == wanted
        }
    }

    private mutating func invoice(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .payInvoice: return try payInvoice(route.id, form).description(in: self)
        case .finalizeInvoice: return try finalizeInvoice(route.id, form).description(in: self)
        case .voidInvoice: return try closeInvoice(route.id, as: "void").description(in: self)
        case .markInvoiceUncollectible:
            return try closeInvoice(route.id, as: "uncollectible").description(in: self)
        case .listInvoices:
            let (customer, status) = (try form.text("customer"), try form.text("status"))
            let subscription = try form.text("subscription")
            let rows = invoices.newestFirst.filter {
                (customer == nil || $0.customer == customer) && (status == nil || $0.status == status)
                    && (subscription == nil || $0.subscription == subscription)
            }
            return try list(rows, form, ["customer", "status", "subscription"], "invoices")
        default: return try invoices.find(route.id).description(in: self)
        }
    }

    private mutating func meter(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createMeter: return try createMeter(form).description(in: self)
        case .createMeterEvent: return try createMeterEvent(form)
        case .listMeterEventSummaries:
            return try StripePage(form).list(
                meterEventSummaries(route.id, form), url: "/v1/billing/meters/\(route.id)/event_summaries")
        case .listMeters:
            _ = try form.choice("status", "active", "inactive")
            let rows = try form.text("status") == "inactive" ? [] : meters.newestFirst
            return try list(rows, form, ["status"], "billing/meters")
        default: return try meters.find(route.id).description(in: self)
        }
    }

    private mutating func event(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        guard route.operation == .listEvents else {
            return try events.find(route.id).description(in: self)
        }
        let types = try form.texts("types") + (form.text("type").map { [$0] } ?? [])
        let delivered = try form.flag("delivery_success")
        let rows = events.newestFirst.filter { event in
            (types.isEmpty || types.contains { Self.matches(event.type, pattern: $0) })
                && (delivered == nil || delivered == (deliveries.pending(event.id) == 0))
        }
        return try list(rows, form, ["type", "types", "delivery_success"], "events")
    }

    /// `invoice.*` is every type that begins so.
    private static func matches(_ type: String, pattern: String) -> Bool {
        pattern.hasSuffix("*") ? type.hasPrefix(pattern.dropLast()) : type == pattern
    }

    private mutating func endpoint(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createWebhookEndpoint: try createWebhookEndpoint(form)
        case .updateWebhookEndpoint: try updateWebhookEndpoint(route.id, form).description(in: self)
        case .deleteWebhookEndpoint: try deleteWebhookEndpoint(route.id)
        case .listWebhookEndpoints: try list(endpoints.newestFirst, form, [], "webhook_endpoints")
        default: try endpoints.find(route.id).description(in: self)
        }
    }

    private mutating func clock(_ route: StripeRoute, _ form: StripeParameters) throws -> JSONValue {
        switch route.operation {
        case .createTestClock: return try createTestClock(form).description(in: self)
        case .advanceTestClock:
            try form.only("frozen_time")
            guard let time = try form.integer("frozen_time") else {
                throw StripeError.missing("frozen_time")
            }
            return try advanceTestClock(route.id, to: time)
        case .deleteTestClock: return try deleteTestClock(route.id)
        case .listTestClocks: return try list(clocks.newestFirst, form, [], "test_helpers/test_clocks")
        default: return try clocks.find(route.id).description(in: self)
        }
    }
}
