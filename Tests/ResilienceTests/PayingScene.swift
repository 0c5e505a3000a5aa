import CurlHTTP
import Foundation
import Postgres
import TestSupport

/// Organisations that pay for a plan with overage, as their partner and Stripe's pages bring them about. No
/// webhook comes to a scene: an operator orders the look at Stripe.
extension Scene {
    /// A partner's key that may sign organisations up and pay for them.
    func partnerKey() async throws -> HTTPField {
        let answer = try await ask(
            "POST", "/cp/admin/partner-keys",
            """
            {"name":"payer","partner_id":"partner-1","org_id":null,"expires_in_days":30,"rate_limit":null,
            "scopes":["orgs:create","orgs:read","billing:read","billing:manage"]}
            """)
        guard let key = answer["key"] else { throw TestSupportError("no key: \(answer)") }
        return HTTPField("Authorization", "Bearer \(key)")
    }

    /// Signed up, paid for, provisioned, and with a cap that is not reached.
    func payingTenants(_ slugs: [String]) async throws -> [UsageLoad.Tenant] {
        let key = try await partnerKey()
        for slug in slugs {
            let order = #"{"slug":"\#(slug)","name":"\#(slug)","plan":"pro"}"#
            let signed = try await ask("POST", "/cp/orgs", order, headers: [key])
            guard signed.status == 201 else { throw TestSupportError("signup: \(signed)") }
            try await pay(slug, key)
            let cap = #"{"credits":1000000000000}"#
            let set = try await ask("PATCH", "/cp/orgs/\(slug)/overage-cap", cap, headers: [key])
            guard set.status == 200 else { throw TestSupportError("cap: \(set)") }
        }
        try await eventually("all who paid to run", within: Self.patience) {
            try await rows("orgs WHERE status = 'running'") == slugs.count
        }
        var tenants: [UsageLoad.Tenant] = []
        for slug in slugs {
            let answer = try await ask("GET", "/cp/admin/orgs/\(slug)/admin-token")
            let rows = try await database.pool.query("SELECT id::text AS id FROM orgs WHERE slug = \(slug)")
            guard let token = answer["admin_token"], let org = UUID(uuidString: try rows[0]["id"]) else {
                throw TestSupportError("no credential: \(answer)")
            }
            tenants.append(.init(org: org, token: token))
        }
        return tenants
    }

    private func pay(_ slug: String, _ key: HTTPField) async throws {
        let order = """
            {"org_slug":"\(slug)","plan":"pro","success_url":"https://\(slug).localhost/home",
            "cancel_url":"https://\(slug).localhost/home"}
            """
        let page = try await ask("POST", "/cp/billing/checkout", order, headers: [key])
        guard let session = page["id"] else { throw TestSupportError("checkout: \(page)") }
        try await cloud.operate("POST", "stripe/checkout/\(session)", #"{"action":"pay"}"#)
        let look = try await ask("POST", "/cp/admin/orgs/\(slug)/billing/sync")
        guard look.status == 202 else { throw TestSupportError("look: \(look)") }
    }
}

/// What one organisation used in a month, and what became of it.
struct Books: Decodable, Sendable, Equatable {
    var org: String
    var used: Int
    var granted: Int
    var overage: Int
    var reported: Int
    var counted: Int?

    enum CodingKeys: String, CodingKey {
        case org = "org_id"
        case used = "used_credits"
        case granted = "granted_credits"
        case overage = "overage_credits"
        case reported = "reported_credits"
        case counted = "stripe_credits"
    }

    private struct Page: Decodable { var organisations: [Books] }

    /// By organisation.
    static func all(_ month: String, _ scene: Scene) async throws -> [String: Books] {
        let answer = try await scene.ask("GET", "/cp/admin/billing/overage?month=\(month)")
        let page = try JSONDecoder().decode(Page.self, from: answer.body)
        return Dictionary(uniqueKeysWithValues: page.organisations.map { ($0.org.lowercased(), $0) })
    }
}
