import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Who signs organisations up and pays for them, by a partner's key; and what the owner of Stripe's account
/// does behind the platform's back.
struct Payer: Sendable {
    let cloud: TestCloud
    private let key: String

    init(_ cloud: TestCloud) async throws {
        self.cloud = cloud
        let scopes: [Scope] = [.createOrgs, .readOrgs, .deleteOrgs, .readBilling, .manageBilling]
        key = try #require(
            try await cloud.service.issueKey(scopes: scopes).json["key"]?.string)
    }

    /// An organisation on `starter` that is paid for and runs.
    static func running(_ cloud: TestCloud) async throws -> (
        payer: Payer, org: UUID, subscription: String
    ) {
        let payer = try await Payer(cloud)
        let created = try await payer.signUp("acme", plan: "starter")
        let page = try await payer.checkout("acme", plan: "starter")
        try await payer.pay(try #require(page.json["id"]?.string))
        try await cloud.await("acme", "running")
        let org = try #require(UUID(uuidString: created.json["id"]?.string ?? ""))
        let account = try await BillingStore(database: cloud.service.platform.database).find(org: org)
        return (payer, org, try #require(account?.subscriptionID))
    }

    // MARK: The customer

    func send(_ method: String, _ path: String, _ body: String? = nil) async throws -> TestService.Answer {
        try await cloud.service.send(method, path, token: key, body: body)
    }

    func signUp(_ slug: String, plan: String) async throws -> TestService.Answer {
        try await send("POST", "/cp/orgs", #"{"slug":"\#(slug)","name":"\#(slug)","plan":"\#(plan)"}"#)
    }

    func checkout(
        _ slug: String, plan: String, url: String = "https://acme.localhost/home?s={CHECKOUT_SESSION_ID}"
    ) async throws -> TestService.Answer {
        let body = """
            {"org_slug":"\(slug)","plan":"\(plan)","success_url":"\(url)",
            "cancel_url":"https://acme.localhost/home"}
            """
        return try await send("POST", "/cp/billing/checkout", body)
    }

    /// The button of the page.
    func pay(_ session: String) async throws {
        try await cloud.operate("POST", "stripe/checkout/\(session)", #"{"action":"pay"}"#)
    }

    func await(_ org: UUID, billing status: String) async throws {
        try await eventually("billing is \(status)") {
            let row = try await OrgStore(database: cloud.service.platform.database).find(id: org)
            return row?.billingStatus.rawValue == status
        }
    }

    func customer(_ org: UUID) async throws -> String {
        let account = try await BillingStore(database: cloud.service.platform.database).find(org: org)
        return try #require(account?.customerID)
    }

    // MARK: The account's owner

    @discardableResult
    func stripe(_ method: String, _ path: String, _ form: StripeForm = [:]) async throws -> [String:
        JSONValue]
    {
        let base = try #require(cloud.environment["STRIPE_API_URL"])
        var request = HTTPRequest(method, "\(base)/v1/\(path)")
        request.headers = [
            HTTPField("Authorization", "Bearer \(SimulatedCloud.stripeAccountKey)"),
            HTTPField("Stripe-Version", StripeClient.version),
        ]
        if method == "POST" {
            request.headers.append(HTTPField("Content-Type", "application/x-www-form-urlencoded"))
            request.body = FormBody.encode(form.pairs)
        }
        let answer = try await cloud.service.platform.http.send(request)
        #expect(answer.status == 200, "\(method) \(path): \(answer.text.prefix(300))")
        return try JSONDecoder().decode([String: JSONValue].self, from: Data(answer.body))
    }

    func deleteCustomer(_ id: String) async throws { try await stripe("DELETE", "customers/\(id)") }

    private func list(_ path: String) async throws -> [[String: JSONValue]] {
        try await stripe("GET", path)["data"]?.array?.compactMap(\.object) ?? []
    }

    /// Billed at once.
    func change(_ subscription: String, to lookupKey: String) async throws {
        let items = try await stripe("GET", "subscriptions/\(subscription)")["items"]?.object?["data"]?.array
        let item = try #require(items?.first?.object?["id"]?.string)
        try await stripe(
            "POST", "subscriptions/\(subscription)",
            [
                "items": [["id": .text(item), "price": .text("price_\(lookupKey)")]],
                "proration_behavior": "always_invoice",
            ])
    }

    /// - Returns: the new subscription.
    func subscribe(_ org: UUID, to lookupKey: String) async throws -> String {
        let made = try await stripe(
            "POST", "subscriptions",
            [
                "customer": .text(try await customer(org)),
                "items": [["price": .text("price_\(lookupKey)")]],
            ])
        return try #require(made["id"]?.string)
    }

    func payOpenInvoices(_ customer: String) async throws {
        for invoice in try await list("invoices?status=open&customer=\(customer)") {
            try await stripe("POST", "invoices/\(invoice["id"]?.string ?? "")/pay")
        }
    }

    // MARK: Webhooks

    func loseWebhooks() async throws { try await sendWebhooks(to: "http://127.0.0.1:9/lost") }

    func findWebhooks() async throws { try await sendWebhooks(to: cloud.service.url + WebhookRoute.path) }

    private func sendWebhooks(to url: String) async throws {
        for endpoint in try await list("webhook_endpoints") {
            try await cloud.operate(
                "PUT", "stripe/endpoints/\(endpoint["id"]?.string ?? "")", #"{"url":"\#(url)"}"#)
        }
    }

    /// Old ones too, some of them twice.
    func resendSome(_ dice: inout EventDice) async throws {
        let events = try await list("events?limit=100").compactMap { $0["id"]?.string }
        for event in events.shuffled(using: &dice).prefix(6) {
            for _ in 0..<Int.random(in: 1...2, using: &dice) {
                try await cloud.operate("POST", "stripe/events/\(event)/resend")
            }
        }
    }
}
