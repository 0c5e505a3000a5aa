/// The hosted pages, and what their buttons do.
extension StripeService {
    func page(_ call: HTTPCall) -> HTTPAnswer {
        let parts = call.path.split(separator: "/").map(String.init)
        guard parts.count == 2 else { return .text(404, "no such page\n") }
        let form = FormText.parse(String(decoding: call.body, as: UTF8.self))
        let action = form.first { $0.name == "action" }?.value
        switch (call.method, parts[0]) {
        case ("GET", "pay"): return showCheckout(parts[1])
        case ("POST", "pay"): return decideCheckout(parts[1], action ?? "")
        case ("GET", "portal"): return showPortal(parts[1])
        case ("POST", "portal"): return decidePortal(parts[1], action ?? "")
        case ("GET", "invoice"): return showInvoice(parts[1])
        case ("POST", "invoice"): return decideInvoice(parts[1])
        default: return .text(404, "no such page\n")
        }
    }

    // MARK: Checkout

    private func showCheckout(_ id: String) -> HTTPAnswer {
        guard let session = account.sessions[id] else { return Self.unknown }
        switch session.status {
        case "open": return .html(200, CheckoutPage.html(session, account))
        case "complete": return .redirect(session.successPage)
        default:
            return .html(410, CheckoutPage.closed("This page has expired.", back: session.cancelURL))
        }
    }

    /// - Parameter action: pay, decline or cancel.
    func decideCheckout(_ id: String, _ action: String) -> HTTPAnswer {
        guard let session = account.sessions[id] else { return Self.unknown }
        guard action != "cancel" else {
            return session.cancelURL.map { .redirect($0) }
                ?? .html(200, CheckoutPage.closed("Nothing was paid.", back: nil))
        }
        var changed = account
        do {
            let paid = try changed.payCheckoutSession(
                id, with: action == "pay" ? .good() : .failing())
            account = changed
            return .redirect(paid.successPage)
        } catch {
            let alert = (error as? StripeError)?.message ?? "Something went wrong."
            let status = (error as? StripeError)?.status ?? 500
            guard session.status == "open" else { return showCheckout(id) }
            return .html(status, CheckoutPage.html(session, account, alert: alert))
        }
    }

    // MARK: Portal

    private func showPortal(_ id: String) -> HTTPAnswer {
        guard let portal = try? account.portal(id) else { return Self.unknown }
        return .html(200, PortalPage.html(portal, account))
    }

    func decidePortal(_ id: String, _ action: String) -> HTTPAnswer {
        guard let portal = try? account.portal(id) else { return Self.unknown }
        if action == "return", let back = portal.returnURL { return .redirect(back) }
        var changed = account
        do {
            try changed.portalAction(action, of: portal.customer)
            account = changed
            return .redirect("/portal/\(id)")
        } catch {
            let refused = error as? StripeError
            // A card that is declined has been tried.
            if refused?.status == 402 { account = changed }
            return .html(
                refused?.status ?? 500,
                PortalPage.html(portal, account, alert: refused?.message ?? "Something went wrong."))
        }
    }

    // MARK: An invoice

    private func showInvoice(_ id: String, alert: String? = nil) -> HTTPAnswer {
        guard let invoice = account.invoices[id], invoice.status != "draft" else { return Self.unknown }
        let rows = invoice.lines.map {
            CheckoutPage.row($0.text, CheckoutPage.money($0.amount, invoice.currency))
        }.joined(separator: "\n")
        let due = CheckoutPage.money(invoice.amountDue, invoice.currency)
        let pay =
            invoice.status == "open"
            ? """
            <form method="post" action="/invoice/\(HTMLPage.escaped(id))">
            <button class="main" name="action" value="pay">Pay with the card on file</button></form>
            """ : ""
        return .html(
            alert == nil ? 200 : 402,
            HTMLPage.html(
                "Invoice",
                """
                <h1>Invoice \(invoice.number ?? "")</h1>
                <p>\(invoice.status)</p>
                \(alert.map { "<p class=\"alert\" role=\"alert\">\(HTMLPage.escaped($0))</p>" } ?? "")
                <table>
                \(rows)
                \(CheckoutPage.row("Due", due, kind: "total"))
                </table>
                \(pay)
                """))
    }

    private func decideInvoice(_ id: String) -> HTTPAnswer {
        guard account.invoices[id]?.status == "open" else { return showInvoice(id) }
        let isPaid = account.collect(id)
        return isPaid ? showInvoice(id) : showInvoice(id, alert: StripeError.declined.message)
    }

    private static let unknown = HTTPAnswer.html(
        404, CheckoutPage.closed("There is no such page, or not any more.", back: nil))
}
