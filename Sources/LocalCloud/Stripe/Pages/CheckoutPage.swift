/// The page on which a customer pays for a subscription. It asks for no card: its buttons say which kind of
/// card would have been typed.
enum CheckoutPage {
    /// - Parameter alert: why the last try failed.
    static func html(_ session: StripeCheckoutSession, _ account: StripeAccount, alert: String? = nil)
        -> String
    {
        let rows = session.lineItems(in: account).map { item in
            let amount = item["amount_total"]?.integer ?? 0
            let isMetered = item["quantity"] == .null
            return row(
                item["description"]?.string ?? "",
                isMetered ? "by use" : money(amount, session.currency))
        }.joined(separator: "\n")
        return HTMLPage.html(
            "Subscribe",
            """
            <h1>Subscribe</h1>
            <p>This is the local cloud's Stripe: no card is asked for and no money moves.</p>
            \(alert.map { "<p class=\"alert\" role=\"alert\">\(HTMLPage.escaped($0))</p>" } ?? "")
            <table>
            \(rows)
            \(row("Due today", money(session.total, session.currency), kind: "total"))
            </table>
            <form method="post" action="/pay/\(HTMLPage.escaped(session.id))">
            <button class="main" name="action" value="pay">Pay</button>
            <button name="action" value="decline">Decline card</button>
            <button class="cancel" name="action" value="cancel">Cancel</button>
            </form>
            """)
    }

    /// - Parameter back: where the customer can go on; nil for nowhere.
    static func closed(_ text: String, back: String?) -> String {
        let link = back.map { "<p><a href=\"\(HTMLPage.escaped($0))\">Back</a></p>" } ?? ""
        return HTMLPage.html("Checkout", "<h1>\(HTMLPage.escaped(text))</h1>\n\(link)")
    }

    static func row(_ name: String, _ value: String, kind: String = "item") -> String {
        "<tr class=\"\(kind)\"><td>\(HTMLPage.escaped(name))</td><td>\(HTMLPage.escaped(value))</td></tr>"
    }

    /// As `29.00 USD`.
    static func money(_ amount: Int, _ currency: String) -> String {
        let (whole, part) = amount.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(amount < 0 ? "-" : "")\(whole).\(part < 10 ? "0" : "")\(part) \(currency.uppercased())"
    }
}
