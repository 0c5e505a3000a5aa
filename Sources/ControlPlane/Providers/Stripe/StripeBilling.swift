import FoundationEssentials

/// Customers, prices, subscriptions, invoices, and the pages on which people pay.
extension StripeClient {
    // MARK: Customers

    /// - Parameter metadata: by which the customer is found again.
    package func createCustomer(
        name: String, metadata: [String: String], idempotencyKey: String
    ) async throws -> StripeCustomer {
        try await send(
            "createCustomer", "POST", "/v1/customers",
            ["name": .text(name), "metadata": .metadata(metadata)], idempotencyKey: idempotencyKey,
            as: StripeCustomer.self)
    }

    /// The one whose metadata says so, among those created since. Stripe's search lags behind by a minute or
    /// more; its lists do not.
    /// - Parameter since: Unix seconds.
    package func findCustomer(metadata name: String, _ value: String, since: Int) async throws
        -> StripeCustomer?
    {
        var last: String?
        repeat {
            var form: StripeForm = [
                "created": ["gte": .integer(since)], "limit": .integer(Self.pageSize),
            ]
            if let last { form.add("starting_after", .text(last)) }
            let page = try await send(
                "listCustomers", "GET", "/v1/customers", form, as: StripeList<StripeCustomer>.self)
            if let found = page.data.first(where: { $0.metadata?[name] == value }) { return found }
            last = page.hasMore ? page.data.last?.id : nil
        } while last != nil
        return nil
    }

    /// Whether it exists and was not deleted.
    package func hasCustomer(id: String) async throws -> Bool {
        do {
            return try await send(
                "getCustomer", "GET", "/v1/customers/\(id)", as: StripeCustomer.self
            ).deleted != true
        } catch let error as ProviderError where error.isMissingAtStripe {
            return false
        }
    }

    // MARK: Prices

    /// The prices that are on sale under these keys.
    package func prices(lookupKeys: [String]) async throws -> [StripePrice] {
        try await send(
            "listPrices", "GET", "/v1/prices",
            [
                "lookup_keys": .list(lookupKeys.map { .text($0) }), "active": true,
                "limit": .integer(Self.pageSize),
            ], as: StripeList<StripePrice>.self
        ).data
    }

    // MARK: Subscriptions

    /// All of a customer's, ended ones too, as Stripe has them now; newest first, at most a page.
    package func subscriptions(customer: String) async throws -> [StripeSubscription] {
        try await send(
            "listSubscriptions", "GET", "/v1/subscriptions",
            ["customer": .text(customer), "status": "all", "limit": .integer(Self.pageSize)],
            as: StripeList<StripeSubscription>.self
        ).data
    }

    /// A page of those that have not ended, newest first.
    package func livingSubscriptions(after last: String?) async throws -> StripePage<StripeSubscription> {
        var form: StripeForm = ["limit": .integer(Self.pageSize)]
        if let last { form.add("starting_after", .text(last)) }
        return try await send(
            "listSubscriptions", "GET", "/v1/subscriptions", form, as: StripePage<StripeSubscription>.self)
    }

    /// Ends it at once. What was used beyond the plan is invoiced; what was paid is not given back. One that
    /// has ended, or is not there, is a success.
    package func cancelSubscription(id: String) async throws {
        do {
            _ = try await send(
                "cancelSubscription", "DELETE", "/v1/subscriptions/\(id)",
                ["invoice_now": true, "prorate": false], as: Ignored.self)
        } catch let error as ProviderError where error.isMissingAtStripe {
            return
        }
    }

    /// The newest of a customer's, at most a page.
    package func invoices(customer: String) async throws -> [StripeInvoice] {
        try await send(
            "listInvoices", "GET", "/v1/invoices",
            ["customer": .text(customer), "limit": .integer(Self.pageSize)],
            as: StripeList<StripeInvoice>.self
        ).data
    }

    // MARK: Pages

    package func createCheckout(_ form: StripeForm, idempotencyKey: String) async throws
        -> StripeCheckoutSession
    {
        try await send(
            "createCheckout", "POST", "/v1/checkout/sessions", form, idempotencyKey: idempotencyKey,
            as: StripeCheckoutSession.self)
    }

    /// A customer's pages on which somebody can pay, newest first, at most a page of the list.
    package func openCheckouts(customer: String) async throws -> [StripeCheckoutSession] {
        try await send(
            "listCheckouts", "GET", "/v1/checkout/sessions",
            ["customer": .text(customer), "status": "open", "limit": .integer(Self.pageSize)],
            as: StripeList<StripeCheckoutSession>.self
        ).data
    }

    package func checkout(id: String) async throws -> StripeCheckoutSession {
        try await send(
            "getCheckout", "GET", "/v1/checkout/sessions/\(id)", as: StripeCheckoutSession.self)
    }

    /// Nobody can pay on it any more. One that is over already is a success: whether it was paid is seen in
    /// the customer's subscriptions. So the same again does no harm, and every call has a key of its own.
    package func expireCheckout(id: String) async throws {
        do {
            _ = try await send(
                "expireCheckout", "POST", "/v1/checkout/sessions/\(id)/expire",
                idempotencyKey: "expire-\(UUID().text)", as: Ignored.self)
        } catch let error as ProviderError where error.status == 400 || error.isMissingAtStripe {
            return
        }
    }

    package func createPortal(
        customer: String, returnURL: String, idempotencyKey: String
    ) async throws -> StripePortalSession {
        try await send(
            "createPortal", "POST", "/v1/billing_portal/sessions",
            ["customer": .text(customer), "return_url": .text(returnURL)], idempotencyKey: idempotencyKey,
            as: StripePortalSession.self)
    }
}

extension StripeValue {
    package static func metadata(_ metadata: [String: String]) -> StripeValue {
        .fields(metadata.sorted { $0.key < $1.key }.map { Field(name: $0.key, value: .text($0.value)) })
    }
}
