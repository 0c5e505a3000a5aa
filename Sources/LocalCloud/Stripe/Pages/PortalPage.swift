import Arithmetic

/// The page on which a customer looks after a subscription.
enum PortalPage {
    static func html(_ portal: StripePortalSession, _ account: StripeAccount, alert: String? = nil) -> String
    {
        let subscriptions = account.subscriptions.newestFirst.filter {
            $0.customer == portal.customer && $0.isAlive
        }
        let open = account.invoices.newestFirst.filter {
            $0.customer == portal.customer && $0.status == "open" && $0.amountDue > 0
        }
        let customer = account.customers[portal.customer]
        return HTMLPage.html(
            "Billing",
            """
            <h1>Billing</h1>
            <p>\(HTMLPage.escaped(customer?.email ?? portal.customer)) at the local cloud's Stripe</p>
            \(alert.map { "<p class=\"alert\" role=\"alert\">\(HTMLPage.escaped($0))</p>" } ?? "")
            <form method="post" action="/portal/\(HTMLPage.escaped(portal.id))">
            \(open.map(bill).joined(separator: "\n"))
            \(subscriptions.map { section($0, account) }.joined(separator: "\n"))
            <h2>Card</h2>
            <p>\(card(customer?.card))</p>
            \(button("card:good", "Use a card that pays"))
            \(button("card:failing", "Use a card that is declined"))
            \(portal.returnURL == nil ? "" : button("return", "Return", kind: "cancel"))
            </form>
            """)
    }

    private static func card(_ card: StripeCard?) -> String {
        guard let card else { return "None" }
        return "Visa, ending in \(card.lastDigits)\(card.pays ? "" : ", which is declined")"
    }

    private static func bill(_ invoice: StripeInvoice) -> String {
        let unpaid = CheckoutPage.money(invoice.amountDue -| invoice.amountPaid, invoice.currency)
        return """
            <p class="alert">\(unpaid) are unpaid</p>
            \(button("invoice:\(invoice.id)", "Pay invoice \(invoice.number ?? "")", kind: "main"))
            """
    }

    private static func section(_ subscription: StripeSubscription, _ account: StripeAccount) -> String {
        let rows = subscription.items.compactMap { row($0, account) }.joined(separator: "\n")
        let changes = account.plans(besides: subscription).map { price in
            let amount = CheckoutPage.money(price.unitAmount, price.currency)
            let name = account.products[price.product]?.name ?? price.id
            return button("plan:\(subscription.id):\(price.id)", "Change to \(name), \(amount)")
        }.joined(separator: "\n")
        let end =
            subscription.endsWithPeriod
            ? button("keep:\(subscription.id)", "Keep the subscription")
            : button("cancel:\(subscription.id)", "Cancel at the end of the period")
        return """
            <h2>Subscription: \(HTMLPage.escaped(subscription.status.replacing("_", with: " ")))\
            \(subscription.endsWithPeriod ? ", ends with this period" : "")</h2>
            <table>
            \(rows)
            </table>
            \(changes)
            \(end)
            """
    }

    private static func row(_ item: StripeSubscriptionItem, _ account: StripeAccount) -> String? {
        guard let price = account.prices[item.price] else { return nil }
        let name = account.products[price.product]?.name ?? ""
        guard price.meter == nil else { return CheckoutPage.row(name, "by use") }
        return CheckoutPage.row(
            item.quantity == 1 ? name : "\(item.quantity) × \(name)",
            CheckoutPage.money(price.amount(item.quantity), price.currency))
    }

    private static func button(_ action: String, _ text: String, kind: String? = nil) -> String {
        let style = kind.map { " class=\"\($0)\"" } ?? ""
        return """
            <button\(style) name="action" value="\(HTMLPage.escaped(action))">\
            \(HTMLPage.escaped(text))</button>
            """
    }
}

extension StripeAccount {
    /// Prices to which the portal offers to change: by name, recurring as the subscription is, not by meter.
    func plans(besides subscription: StripeSubscription) -> [StripePrice] {
        prices.all.filter { price in
            price.isActive && price.meter == nil && price.lookupKey != nil
                && price.interval == subscription.interval && price.currency == subscription.currency
                && !subscription.items.contains { $0.price == price.id }
        }
    }

    /// What a button of the portal does.
    mutating func portalAction(_ action: String, of customer: String) throws {
        let parts = action.split(separator: ":").map(String.init)
        switch (parts.first, parts.count) {
        case ("card", 2): try replaceCard(of: customer, with: parts[1] == "good" ? .good() : .failing())
        case ("invoice", 2):
            guard try invoices.find(parts[1]).customer == customer else {
                throw StripeError.noSuch("invoice", parts[1])
            }
            guard collect(parts[1]) else { throw StripeError.declined }
        case ("cancel", 2), ("keep", 2):
            try update(
                parts[1], customer, [("cancel_at_period_end", parts[0] == "cancel" ? "true" : "false")])
        case ("plan", 3): try changePlan(parts[1], customer, to: parts[2])
        default: throw StripeError.invalid("action", "There is no such button.")
        }
    }

    private mutating func update(_ id: String, _ customer: String, _ fields: [(String, String)]) throws {
        guard try subscriptions.find(id).customer == customer else {
            throw StripeError.noSuch("subscription", id)
        }
        _ = try updateSubscription(id, StripeParameters(fields.map { (name: $0.0, value: $0.1) }))
    }

    /// The plan's own price is exchanged; prices by meter of another plan stay, which is the platform's to
    /// put right, as with Stripe's portal.
    private mutating func changePlan(_ id: String, _ customer: String, to price: String) throws {
        let subscription = try subscriptions.find(id)
        guard let item = subscription.items.first(where: { prices[$0.price]?.meter == nil }) else {
            throw StripeError.noSuch("subscription_item", id)
        }
        try update(
            id, customer,
            [
                ("items[0][id]", item.id), ("items[0][price]", price),
                ("proration_behavior", "always_invoice"),
            ])
    }
}
