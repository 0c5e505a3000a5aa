extension StripeAccount {
    /// How a change within a period is paid.
    enum ProrationBehavior: String { case create = "create_prorations", always = "always_invoice", none }

    mutating func updateSubscription(_ id: String, _ form: StripeParameters) throws -> StripeSubscription {
        try form.only(
            "items", "metadata", "description", "proration_behavior", "proration_date",
            "cancel_at_period_end", "cancel_at", "cancellation_details", "pause_collection",
            "payment_behavior", "default_payment_method", "off_session")
        var subscription = try subscriptions.find(id)
        guard subscription.isAlive else {
            throw StripeError.invalid(
                "id", "A canceled subscription can only update its cancellation_details and metadata.")
        }
        let behavior = ProrationBehavior(
            rawValue: try form.choice(
                "proration_behavior", "create_prorations", "always_invoice", "none") ?? "")
        let payment = try form.choice("payment_behavior", "allow_incomplete", "error_if_incomplete")
        if let token = try form.text("default_payment_method"),
            token != customers[subscription.customer]?.card?.id
        {
            try replaceCard(
                of: subscription.customer, with: .named(token, param: "default_payment_method"))
        }
        subscription.metadata = try form.metadata(over: subscription.metadata)
        if form.has("description") { subscription.about = try form.text("description") }
        try plan(form, &subscription)
        try pause(form, &subscription)
        let before = subscription.items
        try change(form, &subscription)
        let time = try form.integer("proration_date") ?? now(subscription.clock(in: self))
        let lines = try prorations(subscription, before, from: time)
        save(subscription, \.subscriptions, "customer.subscription.updated")
        try bill(lines, subscription, behavior ?? .create, failsWhole: payment == "error_if_incomplete")
        return try subscriptions.find(id)
    }

    /// Its end: with the period, at a time, or never after all.
    private func plan(_ form: StripeParameters, _ subscription: inout StripeSubscription) throws {
        let time = now(subscription.clock(in: self))
        if let ends = try form.flag("cancel_at_period_end") {
            subscription.endsWithPeriod = ends
            subscription.cancelAt = ends ? subscription.period.end : nil
            subscription.canceledAt = ends ? subscription.canceledAt ?? time : nil
            subscription.cancellationReason = ends ? "cancellation_requested" : nil
        }
        if form.unsets("cancel_at") { (subscription.cancelAt, subscription.canceledAt) = (nil, nil) }
        if let at = try form.integer("cancel_at") {
            guard at > time else { throw StripeError.invalid("cancel_at", "cancel_at must be in the future") }
            subscription.cancelAt = at
            subscription.canceledAt = time
            subscription.cancellationReason = "cancellation_requested"
        }
    }

    private func pause(_ form: StripeParameters, _ subscription: inout StripeSubscription) throws {
        if form.unsets("pause_collection") {
            (subscription.pausedInvoices, subscription.resumesAt) = (nil, nil)
        }
        guard let pause = try form.nested("pause_collection") else { return }
        try pause.only("behavior", "resumes_at")
        _ = try pause.required("behavior")
        subscription.pausedInvoices = try pause.choice(
            "behavior", "keep_as_draft", "mark_uncollectible", "void"
        )
        .flatMap { .init(rawValue: $0) }
        subscription.resumesAt = try pause.integer("resumes_at")
    }

    /// Items that are named change or go; the others are new.
    private func change(_ form: StripeParameters, _ subscription: inout StripeSubscription) throws {
        let time = now(subscription.clock(in: self))
        for entry in try form.list("items") {
            guard let id = try entry.text("id") else {
                try entry.only("price", "quantity", "metadata")
                subscription.items.append(try newItem(entry, at: time))
                continue
            }
            try entry.only("id", "price", "quantity", "deleted", "clear_usage", "metadata")
            guard let index = subscription.items.firstIndex(where: { $0.id == id }) else {
                throw StripeError.noSuch("subscription_item", id, param: entry.name("id"))
            }
            if try entry.flag("deleted") == true {
                subscription.items.remove(at: index)
                continue
            }
            if let price = try entry.text("price") {
                subscription.items[index].price = try prices.find(price, param: entry.name("price")).id
            }
            if let quantity = try entry.integer("quantity") {
                guard StripeSubscriptionItem.quantities.contains(quantity) else {
                    throw StripeError.invalid(entry.name("quantity"), "Invalid quantity")
                }
                subscription.items[index].quantity = quantity
            }
        }
        guard try common(subscription.items).0 == subscription.interval else {
            throw StripeError.invalid("items", "The local cloud keeps a subscription's interval as it began.")
        }
    }

    /// What the rest of the period gives back for the old items and costs with the new ones.
    private func prorations(
        _ subscription: StripeSubscription, _ before: [StripeSubscriptionItem], from time: Int
    ) throws -> [StripeInvoiceLine] {
        guard before != subscription.items else { return [] }
        guard (subscription.period.start...subscription.period.end).contains(time) else {
            throw StripeError.invalid("proration_date", "proration_date must be in the current period")
        }
        func line(_ item: StripeSubscriptionItem, _ sign: Int, _ text: String) -> StripeInvoiceLine? {
            guard let price = prices[item.price], price.meter == nil else { return nil }
            let amount = Proration.amount(
                sign * price.amount(item.quantity), of: subscription.period, from: time)
            return StripeInvoiceLine(
                id: Self.newID("il"), amount: amount,
                text: "\(text) on \(products[price.product]?.name ?? "")", price: price.id,
                quantity: item.quantity, period: .init(time, subscription.period.end),
                subscriptionItem: item.id, isProration: true)
        }
        let gone = before.filter { !subscription.items.contains($0) }
        let new = subscription.items.filter { !before.contains($0) }
        return gone.compactMap { line($0, -1, "Unused time") }
            + new.compactMap { line($0, 1, "Remaining time") }
    }

    private mutating func bill(
        _ lines: [StripeInvoiceLine], _ subscription: StripeSubscription, _ behavior: ProrationBehavior,
        failsWhole: Bool
    ) throws {
        guard !lines.isEmpty, behavior != .none, subscription.status != "incomplete" else { return }
        guard behavior == .always else {
            pendingLines[subscription.id, default: []] += lines
            return
        }
        let waiting = pendingLines.removeValue(forKey: subscription.id) ?? []
        let time = now(subscription.clock(in: self))
        let invoice = draft(
            subscription, waiting + lines, reason: "subscription_update", period: .init(time, time))
        var latest = subscription
        latest.latestInvoice = invoice.id
        save(latest, \.subscriptions, "customer.subscription.updated")
        finalize(invoice.id)
        guard collect(invoice.id) || !failsWhole else { throw StripeError.declined }
    }

    mutating func cancelSubscription(_ id: String, _ form: StripeParameters) throws -> StripeSubscription {
        try form.only("invoice_now", "prorate", "cancellation_details")
        let subscription = try subscriptions.find(id)
        guard subscription.isAlive else { throw StripeError.noSuch("subscription", id) }
        let time = now(subscription.clock(in: self))
        if try form.flag("prorate") == true {
            var empty = subscription
            empty.items = []
            pendingLines[id, default: []] += try prorations(empty, subscription.items, from: time)
        }
        end(id, at: time, reason: "cancellation_requested", billsUsage: try form.flag("invoice_now") == true)
        return try subscriptions.find(id)
    }

    /// The subscription is over.
    /// - Parameter billsUsage: whether an invoice follows: over the last period's usage and what waits.
    mutating func end(_ id: String, at time: Int, reason: String? = nil, billsUsage: Bool = false) {
        guard var subscription = subscriptions[id], subscription.isAlive else { return }
        let last = StripePeriod(subscription.period.start, min(time, subscription.period.end))
        subscription.status = "canceled"
        subscription.canceledAt = subscription.canceledAt ?? time
        subscription.endedAt = time
        subscription.cancellationReason = reason ?? subscription.cancellationReason
        let waiting = pendingLines.removeValue(forKey: id) ?? []
        let lines = billsUsage ? usageLines(subscription, last).filter { $0.quantity > 0 } + waiting : []
        save(subscription, \.subscriptions, "customer.subscription.deleted")
        guard !lines.isEmpty else { return }
        let invoice = draft(subscription, lines, reason: "subscription_cycle", period: last)
        finalize(invoice.id)
        _ = collect(invoice.id)
    }
}
