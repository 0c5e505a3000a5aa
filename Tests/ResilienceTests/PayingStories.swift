import CurlHTTP
import Foundation
import Postgres
import TestSupport

/// An organisation that pays: from its signup to another plan, and from there to its end.
extension Story {
    /// What works by the clock alone would be at another point in each run.
    private static let quiet = ["BILLING_RECONCILE_SECONDS": "0", "OVERAGE_REPORT_SECONDS": "86400"]

    static let payment = Story(
        name: "payment", settings: quiet, prepare: { _ in nil },
        act: { scene in
            try await scene.becomeCustomer(on: "starter")
            try await scene.changePlan(to: "pro")
        },
        broken: { scene, _ in
            let followed = try await scene.rows(
                "orgs WHERE plan = 'pro' AND billing_status = 'active' AND status = 'running'")
            let other = followed == 1 ? [] : ["the organisation did not follow its subscription"]
            return try await scene.brokenWhileRunning() + other
                + scene.brokenAtStripe(["active"], lookupKey: "pro_monthly")
        })

    static let leaving = Story(
        // Nothing is kept.
        name: "leaving", settings: quiet.merging(["RETENTION_DAYS": "free=0"]) { $1 },
        prepare: { scene in
            try await scene.becomeCustomer(on: "pro")
            return try await scene.credential()
        },
        act: { try await $0.delete() },
        broken: { scene, credential in
            let open = try await scene.rows("billing_checkouts WHERE closed_at IS NULL")
            let other = open == 0 ? [] : ["\(open) pages are open"]
            return try await scene.brokenAfterDelete(credential: credential) + other
                + scene.brokenAtStripe(["canceled"], lookupKey: "pro_monthly")
        })
}

extension Scene {
    /// Signed up, paid for, and running.
    fileprivate func becomeCustomer(on plan: String) async throws {
        let key = try await partnerKey()
        let order = #"{"slug":"\#(slug)","name":"\#(slug)","plan":"\#(plan)"}"#
        let signed = try await ask("POST", "/cp/orgs", order, headers: [key])
        // Taken by the same order, whose answer was lost.
        guard [201, 409].contains(signed.status) else { throw TestSupportError("signup: \(signed)") }
        try await cloud.operate(
            "POST", "stripe/checkout/\(try await openPage(plan, key))", #"{"action":"pay"}"#)
        try await orderLook()
        try await awaitStatus("running")
    }

    /// Asks until there is a page: what Stripe throttles is refused to who asks as well.
    private func openPage(_ plan: String, _ key: HTTPField) async throws -> String {
        let home = "https://\(slug).localhost/home"
        let order = """
            {"org_slug":"\(slug)","plan":"\(plan)","success_url":"\(home)","cancel_url":"\(home)"}
            """
        var session: String?
        try await eventually("a page", within: Self.patience) {
            session = try await ask("POST", "/cp/billing/checkout", order, headers: [key])["id"]
            return session != nil
        }
        return session ?? ""
    }

    private func orderLook() async throws {
        let look = try await ask("POST", "/cp/admin/orgs/\(slug)/billing/sync")
        guard look.status == 202 else { throw TestSupportError("look: \(look)") }
    }

    /// By the customer, on Stripe's pages.
    fileprivate func changePlan(to plan: String) async throws {
        let subscription = try await subscriptions(try await customers())[0]
        let changed = try await cloud.stripe(
            "POST", "subscriptions/\(subscription.id)",
            [("items[0][id]", subscription.item), ("items[0][price]", "price_\(plan)_monthly")])
        guard changed.status == 200 else { throw TestSupportError("the change: \(changed)") }
        try await orderLook()
        try await eventually("the plan", within: Self.patience) {
            try await rows("orgs WHERE plan = \(plan)") == 1
        }
    }

    // MARK: What stands at Stripe

    /// One customer with one subscription, which nobody can pay for once more.
    fileprivate func brokenAtStripe(_ statuses: [String], lookupKey: String) async throws -> [String] {
        let customers = try await customers()
        guard customers.count == 1 else { return ["\(customers.count) customers"] }
        let found = try await subscriptions(customers)
        var broken: [String] = []
        if found.map(\.status) != statuses { broken.append("subscriptions \(found.map(\.status))") }
        if found.map(\.lookupKey) != [lookupKey] { broken.append("prices \(found.map(\.lookupKey))") }
        let pages = try await cloud.stripe("GET", "checkout/sessions?status=open&customer=\(customers[0])")
        let open = try JSONDecoder().decode(StripePage<StripeID>.self, from: pages.body).data.count
        if open > 0 { broken.append("\(open) open pages") }
        return broken
    }

    /// Ids of those that say that they are this organisation's.
    private func customers() async throws -> [String] {
        let org = try await orgID()
        var found: [String] = []
        var last: String?
        repeat {
            let after = last.map { "&starting_after=\($0)" } ?? ""
            let answer = try await cloud.stripe("GET", "customers?limit=100\(after)")
            let page = try JSONDecoder().decode(StripePage<StripeID>.self, from: answer.body)
            found += page.data.filter { $0.metadata?["org_id"] == org }.map(\.id)
            last = page.hasMore ? page.data.last?.id : nil
        } while last != nil
        return found
    }

    private func subscriptions(_ customers: [String]) async throws -> [StripeSubscriptionRow] {
        guard let customer = customers.first else { return [] }
        let answer = try await cloud.stripe("GET", "subscriptions?status=all&customer=\(customer)")
        return try JSONDecoder().decode(StripePage<StripeSubscriptionRow>.self, from: answer.body).data
    }
}

private struct StripePage<Element: Decodable>: Decodable {
    var data: [Element]
    var hasMore: Bool

    enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
    }
}

private struct StripeID: Decodable {
    var id: String
    var metadata: [String: String]?
}

private struct StripeSubscriptionRow: Decodable {
    struct Price: Decodable {
        var lookupKey: String?

        enum CodingKeys: String, CodingKey { case lookupKey = "lookup_key" }
    }
    struct Item: Decodable {
        var id: String
        var price: Price
    }

    var id: String
    var status: String
    var items: StripePage<Item>

    var item: String { items.data.first?.id ?? "" }
    var lookupKey: String? { items.data.first?.price.lookupKey }
}

extension SharedCloud {
    /// As the owner of Stripe's account.
    fileprivate func stripe(
        _ method: String, _ path: String, _ form: [(String, String)] = []
    ) async throws -> Answer {
        let plain = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
        let body = form.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: plain) ?? "")" }
            .joined(separator: "&")
        let headers = [
            HTTPField("Authorization", "Bearer \(SimulatedCloud.stripeAccountKey)"),
            HTTPField("Content-Type", "application/x-www-form-urlencoded"),
        ]
        let url = "\(environment["STRIPE_API_URL"] ?? "")/v1/\(path)"
        return Answer(
            try await http.send(
                HTTPRequest(
                    method, url, headers: form.isEmpty ? [headers[0]] : headers, body: Array(body.utf8))))
    }
}
