/// When a failed payment is tried again, and what happens when none succeeded. Source: Stripe, "Smart
/// Retries" and "Manage failed payments".
struct DunningSchedule: Sendable, Codable, Equatable {
    enum End: String, Sendable, Codable { case canceled, unpaid, pastDue = "past_due" }

    /// Days after each failure.
    var retryDays = [3, 5, 7]
    /// What the subscription becomes after the last one.
    var end = End.unpaid

    enum CodingKeys: String, CodingKey {
        case retryDays = "retry_days"
        case end
    }
}

extension StripeAccount {
    /// Charges the customer's card for an open invoice.
    /// - Returns: whether it is paid now.
    mutating func collect(_ id: String) -> Bool {
        guard var invoice = invoices[id], ["open", "uncollectible"].contains(invoice.status) else {
            return invoices[id]?.status == "paid"
        }
        if invoice.amountDue == 0 || customers[invoice.customer]?.card?.pays == true {
            settle(&invoice)
            return true
        }
        fail(&invoice)
        return false
    }

    private mutating func settle(_ invoice: inout StripeInvoice) {
        if invoice.amountDue > 0 { invoice.attempts += 1 }
        invoice.status = "paid"
        invoice.amountPaid = invoice.amountDue
        invoice.nextAttempt = nil
        invoice.paidAt = now(invoice.clock(in: self))
        save(invoice, \.invoices, "invoice.paid")
        save(invoice, \.invoices, "invoice.payment_succeeded")
        guard var subscription = subscriptions[invoice.subscription] else { return }
        let revives =
            subscription.status == "incomplete"
            || ["past_due", "unpaid"].contains(subscription.status)
                && !owes(subscription, besides: invoice.id)
        guard revives else { return }
        subscription.status = "active"
        save(subscription, \.subscriptions, "customer.subscription.updated")
    }

    private func owes(_ subscription: StripeSubscription, besides id: String) -> Bool {
        invoices.all.contains {
            $0.subscription == subscription.id && $0.status == "open" && $0.id != id && $0.amountDue > 0
        }
    }

    private mutating func fail(_ invoice: inout StripeInvoice) {
        invoice.attempts += 1
        let time = now(invoice.clock(in: self))
        let retries = invoice.reason == "subscription_create" ? [] : dunning.retryDays
        let isLast = invoice.attempts > retries.count
        invoice.nextAttempt = isLast ? nil : time + retries[invoice.attempts - 1] * 86_400
        save(invoice, \.invoices, "invoice.payment_failed")
        guard invoice.reason != "subscription_create", var subscription = subscriptions[invoice.subscription],
            ["active", "past_due"].contains(subscription.status)
        else { return }
        guard isLast, dunning.end != .pastDue else {
            subscription.status = "past_due"
            save(subscription, \.subscriptions, "customer.subscription.updated")
            return
        }
        guard dunning.end == .unpaid else {
            end(subscription.id, at: time, reason: "payment_failed")
            return
        }
        subscription.status = "unpaid"
        save(subscription, \.subscriptions, "customer.subscription.updated")
    }

    // MARK: Calls

    mutating func payInvoice(_ id: String, _ form: StripeParameters) throws -> StripeInvoice {
        try form.only("payment_method", "off_session", "paid_out_of_band", "forgive")
        let invoice = try invoices.find(id)
        guard invoice.status != "paid" else {
            throw StripeError(code: "invoice_already_paid", message: "Invoice is already paid")
        }
        if invoice.status == "draft" { finalize(id) }
        guard ["open", "uncollectible"].contains(invoices[id]?.status) else {
            throw StripeError.unexpected("You can only pay open invoices. This one is \(invoice.status).")
        }
        if let token = try form.text("payment_method"), token != customers[invoice.customer]?.card?.id {
            try replaceCard(of: invoice.customer, with: .named(token, param: "payment_method"))
        }
        if try form.flag("paid_out_of_band") == true, var open = invoices[id] {
            settle(&open)
        } else if !collect(id) {
            throw StripeError.declined
        }
        return try invoices.find(id)
    }

    mutating func finalizeInvoice(_ id: String, _ form: StripeParameters) throws -> StripeInvoice {
        try form.only("auto_advance")
        guard try invoices.find(id).status == "draft" else {
            throw StripeError(code: "invoice_not_editable", message: "This invoice is already finalized.")
        }
        finalize(id)
        return try invoices.find(id)
    }

    /// - Parameter status: void or uncollectible.
    mutating func closeInvoice(_ id: String, as status: String) throws -> StripeInvoice {
        var invoice = try invoices.find(id)
        guard invoice.status == "open" || invoice.status == "uncollectible" && status == "void" else {
            throw StripeError.unexpected("An invoice that is \(invoice.status) cannot become \(status).")
        }
        let time = now(invoice.clock(in: self))
        invoice.status = status
        invoice.nextAttempt = nil
        if status == "void" { invoice.voidedAt = time } else { invoice.uncollectibleAt = time }
        save(invoice, \.invoices, status == "void" ? "invoice.voided" : "invoice.marked_uncollectible")
        return invoice
    }
}
