/// A call of the API by its stable name, with the object that its path names.
struct StripeRoute: Sendable {
    enum Operation: String, Sendable, CaseIterable {
        case createCustomer, showCustomer, updateCustomer, deleteCustomer, listCustomers
        case createProduct, showProduct, listProducts
        case createPrice, showPrice, listPrices
        case createCheckoutSession, showCheckoutSession, listCheckoutSessions, expireCheckoutSession
        case listLineItems
        case createSubscription, showSubscription, updateSubscription, cancelSubscription, listSubscriptions
        case showInvoice, listInvoices, payInvoice, finalizeInvoice, voidInvoice, markInvoiceUncollectible
        case createPortalSession
        case createMeter, showMeter, listMeters, createMeterEvent, listMeterEventSummaries
        case showEvent, listEvents
        case createWebhookEndpoint, showWebhookEndpoint, updateWebhookEndpoint, deleteWebhookEndpoint
        case listWebhookEndpoints
        case createTestClock, showTestClock, advanceTestClock, deleteTestClock, listTestClocks
    }

    static let prefix = "/v1/"

    let operation: Operation
    /// Of the object; empty when the path names none.
    let id: String

    /// nil for what is no route.
    init?(_ method: String, _ path: String) {
        guard path.hasPrefix(Self.prefix) else { return nil }
        let parts = path.dropFirst(Self.prefix.count).split(separator: "/").map(String.init)
        let table = Self.table.first { $0.matches(method, parts) }
        guard let table else { return nil }
        operation = table.operation
        id = zip(table.parts, parts).first { $0.0 == "*" }?.1 ?? ""
    }

    private struct Row: Sendable {
        let operation: Operation
        let method: String
        /// `*` is the object's id.
        let parts: [String]

        init(_ operation: Operation, _ method: String, _ path: String) {
            self.operation = operation
            self.method = method
            parts = path.split(separator: "/").map(String.init)
        }

        func matches(_ method: String, _ given: [String]) -> Bool {
            self.method == method && parts.count == given.count
                && zip(parts, given).allSatisfy { $0 == "*" || $0 == $1 }
        }
    }

    private static let table: [Row] = [
        Row(.createCustomer, "POST", "customers"), Row(.listCustomers, "GET", "customers"),
        Row(.showCustomer, "GET", "customers/*"), Row(.updateCustomer, "POST", "customers/*"),
        Row(.deleteCustomer, "DELETE", "customers/*"),
        Row(.createProduct, "POST", "products"), Row(.listProducts, "GET", "products"),
        Row(.showProduct, "GET", "products/*"),
        Row(.createPrice, "POST", "prices"), Row(.listPrices, "GET", "prices"),
        Row(.showPrice, "GET", "prices/*"),
        Row(.createCheckoutSession, "POST", "checkout/sessions"),
        Row(.listCheckoutSessions, "GET", "checkout/sessions"),
        Row(.showCheckoutSession, "GET", "checkout/sessions/*"),
        Row(.expireCheckoutSession, "POST", "checkout/sessions/*/expire"),
        Row(.listLineItems, "GET", "checkout/sessions/*/line_items"),
        Row(.createSubscription, "POST", "subscriptions"), Row(.listSubscriptions, "GET", "subscriptions"),
        Row(.showSubscription, "GET", "subscriptions/*"),
        Row(.updateSubscription, "POST", "subscriptions/*"),
        Row(.cancelSubscription, "DELETE", "subscriptions/*"),
        Row(.listInvoices, "GET", "invoices"), Row(.showInvoice, "GET", "invoices/*"),
        Row(.payInvoice, "POST", "invoices/*/pay"), Row(.finalizeInvoice, "POST", "invoices/*/finalize"),
        Row(.voidInvoice, "POST", "invoices/*/void"),
        Row(.markInvoiceUncollectible, "POST", "invoices/*/mark_uncollectible"),
        Row(.createPortalSession, "POST", "billing_portal/sessions"),
        Row(.createMeter, "POST", "billing/meters"), Row(.listMeters, "GET", "billing/meters"),
        Row(.showMeter, "GET", "billing/meters/*"),
        Row(.listMeterEventSummaries, "GET", "billing/meters/*/event_summaries"),
        Row(.createMeterEvent, "POST", "billing/meter_events"),
        Row(.listEvents, "GET", "events"), Row(.showEvent, "GET", "events/*"),
        Row(.createWebhookEndpoint, "POST", "webhook_endpoints"),
        Row(.listWebhookEndpoints, "GET", "webhook_endpoints"),
        Row(.showWebhookEndpoint, "GET", "webhook_endpoints/*"),
        Row(.updateWebhookEndpoint, "POST", "webhook_endpoints/*"),
        Row(.deleteWebhookEndpoint, "DELETE", "webhook_endpoints/*"),
        Row(.createTestClock, "POST", "test_helpers/test_clocks"),
        Row(.listTestClocks, "GET", "test_helpers/test_clocks"),
        Row(.showTestClock, "GET", "test_helpers/test_clocks/*"),
        Row(.advanceTestClock, "POST", "test_helpers/test_clocks/*/advance"),
        Row(.deleteTestClock, "DELETE", "test_helpers/test_clocks/*"),
    ]
}
