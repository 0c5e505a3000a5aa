import Arithmetic

/// One position of an invoice, or one that waits for the next.
struct StripeInvoiceLine: Sendable, Equatable {
    let id: String
    var amount: Int
    var text: String
    var price: String
    var quantity: Int
    var period: StripePeriod
    var subscriptionItem: String
    var isProration = false
}

/// Source: Stripe API, "The Invoice object".
struct StripeInvoice: StripeObject {
    static let kind = "invoice"

    /// From the draft of a renewal until it is charged: usage of the old period may still come in.
    static let draftSeconds = 3600

    let id: String
    let created: Int
    let customer: String
    let subscription: String
    let currency: String
    /// subscription_create, subscription_cycle or subscription_update.
    let reason: String
    let period: StripePeriod
    /// draft, open, paid, uncollectible or void.
    var status = "draft"
    var lines: [StripeInvoiceLine]
    var number: String?
    /// Of the customer's credit, what this invoice uses; negative when it adds to it.
    var balanceUsed = 0
    var startingBalance = 0
    var amountPaid = 0
    var attempts = 0
    var nextAttempt: Int?
    /// nil: nothing happens with the draft by itself.
    var finalizesAt: Int?
    var finalizedAt: Int?
    var paidAt: Int?
    var uncollectibleAt: Int?
    var voidedAt: Int?

    var total: Int { lines.map(\.amount).saturatedSum }
    var amountDue: Int { max(0, total -| balanceUsed) }

    func clock(in account: StripeAccount) -> String? { account.customers[customer]?.testClock }

    func description(in account: StripeAccount) -> JSONValue {
        let owner = account.customers[customer]
        return .object([
            "id": .string(id), "object": "invoice", "created": .integer(created),
            "customer": .string(customer), "customer_email": .text(owner?.email),
            "customer_name": .text(owner?.name), "currency": .string(currency), "status": .string(status),
            "billing_reason": .string(reason), "collection_method": "charge_automatically",
            "auto_advance": .bool(finalizesAt != nil || nextAttempt != nil),
            "automatically_finalizes_at": .count(status == "draft" ? finalizesAt : nil),
            "amount_due": .integer(amountDue), "amount_paid": .integer(amountPaid),
            "amount_remaining": .integer(amountDue -| amountPaid), "amount_overpaid": 0, "amount_shipping": 0,
            "subtotal": .integer(total), "subtotal_excluding_tax": .integer(total), "total": .integer(total),
            "total_excluding_tax": .integer(total), "total_taxes": [], "total_discount_amounts": [],
            "starting_balance": .integer(startingBalance),
            "ending_balance": status == "draft" ? nil : .integer(startingBalance +| balanceUsed),
            "attempt_count": .integer(attempts), "attempted": .bool(attempts > 0 || status == "paid"),
            "next_payment_attempt": .count(nextAttempt), "number": .text(number), "discounts": [],
            "default_tax_rates": [], "livemode": false, "metadata": [:], "description": nil, "due_date": nil,
            "period_start": .integer(period.start), "period_end": .integer(period.end),
            "hosted_invoice_url": status == "draft" ? nil : .string("\(account.url)/invoice/\(id)"),
            "invoice_pdf": nil, "lines": linesDescription(account), "parent": parentDescription(account),
            "status_transitions": [
                "finalized_at": .count(finalizedAt), "paid_at": .count(paidAt),
                "marked_uncollectible_at": .count(uncollectibleAt), "voided_at": .count(voidedAt),
            ],
            "test_clock": .text(clock(in: account)),
        ])
    }

    private func parentDescription(_ account: StripeAccount) -> JSONValue {
        [
            "type": "subscription_details", "quote_details": nil,
            "subscription_details": [
                "subscription": .string(subscription),
                "metadata": .texts(account.subscriptions[subscription]?.metadata ?? [:]),
            ],
        ]
    }

    private func linesDescription(_ account: StripeAccount) -> JSONValue {
        [
            "object": "list", "has_more": false, "total_count": .integer(lines.count),
            "url": .string("/v1/invoices/\(id)/lines"), "data": .array(lines.map { describe($0, account) }),
        ]
    }

    private func describe(_ line: StripeInvoiceLine, _ account: StripeAccount) -> JSONValue {
        let price = account.prices[line.price]
        return [
            "id": .string(line.id), "object": "line_item", "amount": .integer(line.amount),
            "subtotal": .integer(line.amount), "currency": .string(currency),
            "description": .string(line.text), "discount_amounts": [],
            "discountable": .bool(!line.isProration),
            "discounts": [], "invoice": .string(id), "livemode": false, "metadata": [:],
            "parent": [
                "type": "subscription_item_details", "invoice_item_details": nil,
                "subscription_item_details": [
                    "invoice_item": nil, "proration": .bool(line.isProration), "proration_details": nil,
                    "subscription": .string(subscription),
                    "subscription_item": .string(line.subscriptionItem),
                ],
            ],
            "period": line.period.description, "pretax_credit_amounts": [],
            "pricing": [
                "type": "price_details",
                "price_details": ["price": .string(line.price), "product": .text(price?.product)],
                "unit_amount_decimal": .string(String(price?.unitAmount ?? 0)),
            ], "quantity": .integer(line.quantity), "taxes": [],
        ]
    }
}

// MARK: From a draft to its end

extension StripeAccount {
    mutating func draft(
        _ subscription: StripeSubscription, _ lines: [StripeInvoiceLine], reason: String, period: StripePeriod
    ) -> StripeInvoice {
        let invoice = StripeInvoice(
            id: Self.newID("in"), created: now(subscription.clock(in: self)), customer: subscription.customer,
            subscription: subscription.id, currency: subscription.currency, reason: reason, period: period,
            lines: lines, startingBalance: customers[subscription.customer]?.balance ?? 0)
        save(invoice, \.invoices, "invoice.created")
        return invoice
    }

    /// Counts what came late, uses the customer's credit, and gives the invoice its number.
    mutating func finalize(_ id: String) {
        guard var invoice = invoices[id], invoice.status == "draft",
            var customer = customers[invoice.customer]
        else { return }
        recount(&invoice)
        invoice.startingBalance = customer.balance
        // A total below zero becomes credit; credit pays as much of a total above it as it reaches.
        invoice.balanceUsed =
            invoice.total < 0 ? invoice.total : min(invoice.total, max(0, 0 -| customer.balance))
        customer.balance +|= invoice.balanceUsed
        invoice.number = "\(customer.invoicePrefix)-" + Self.fourDigits(customer.nextInvoiceNumber)
        customer.nextInvoiceNumber += 1
        invoice.status = "open"
        invoice.finalizesAt = nil
        invoice.finalizedAt = now(customer.testClock)
        let wasCredit = invoice.balanceUsed != 0
        save(customer, \.customers, wasCredit ? "customer.updated" : nil)
        save(invoice, \.invoices, "invoice.finalized")
    }

    private static func fourDigits(_ number: Int) -> String {
        String(repeating: "0", count: max(0, 4 - String(number).count)) + String(number)
    }

    /// Usage of the invoice's period, as it is known by now.
    private func recount(_ invoice: inout StripeInvoice) {
        for index in invoice.lines.indices {
            let line = invoice.lines[index]
            guard !line.isProration, let price = prices[line.price], let meter = price.meter else { continue }
            let used = usage(meter, invoice.customer, line.period)
            invoice.lines[index].quantity = used
            invoice.lines[index].amount = price.amount(used)
        }
    }

    /// What is paid in advance: every price that is not by meter.
    func advanceLines(_ subscription: StripeSubscription, _ period: StripePeriod) -> [StripeInvoiceLine] {
        subscription.items.compactMap { item in
            guard let price = prices[item.price], price.meter == nil else { return nil }
            return StripeInvoiceLine(
                id: Self.newID("il"), amount: price.amount(item.quantity),
                text: "\(item.quantity) × \(products[price.product]?.name ?? "")", price: price.id,
                quantity: item.quantity, period: period, subscriptionItem: item.id)
        }
    }

    /// What is paid afterwards: usage of a period that has ended.
    func usageLines(_ subscription: StripeSubscription, _ period: StripePeriod) -> [StripeInvoiceLine] {
        subscription.items.compactMap { item in
            guard let price = prices[item.price], let meter = price.meter else { return nil }
            let used = usage(meter, subscription.customer, period)
            return StripeInvoiceLine(
                id: Self.newID("il"), amount: price.amount(used),
                text: products[price.product]?.name ?? "", price: price.id, quantity: used, period: period,
                subscriptionItem: item.id)
        }
    }
}
