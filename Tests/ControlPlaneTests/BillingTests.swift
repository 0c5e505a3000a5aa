import CurlHTTP
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// Payments from checkout to cancellation, against the local cloud's Stripe, with its webhooks.
@Suite struct BillingTests {
    private static let home = "https://acme.localhost/home"

    @Test func anOrganisationPaysAndIsProvisionedThenLeaves() async throws {
        try await TestCloud.run(["CORS_ORIGINS": "https://app.example"]) { cloud in
            let payer = try await Payer(cloud)
            let created = try await payer.signUp("acme", plan: "starter")
            #expect(created.status == 201 && created.json["status"] == .string("awaiting_payment"))
            #expect(try await cloud.living().instances == 0)
            #expect(try await cloud.service.count("tenants") == 0)

            let page = try await payer.checkout("acme", plan: "starter")
            #expect(page.status == 200, "\(page.json)")
            let again = try await payer.checkout("acme", plan: "starter")
            #expect(again.json["id"] == page.json["id"], "two pages, and two payments")
            let dearer = try await payer.checkout("acme", plan: "pro")
            #expect(dearer.status == 200 && dearer.json["id"] != page.json["id"])
            let old = try await payer.stripe("GET", "checkout/sessions/\(page.json["id"]?.string ?? "")")
            #expect(old["status"] == .string("expired"))

            try await payer.pay(dearer.json["id"]?.string ?? "")
            try await cloud.await("acme", "running")
            let org = try await cloud.service.send("GET", "/cp/admin/orgs/acme").json
            #expect(org["plan"] == .string("pro") && org["billing_status"] == .string("active"))
            let refused = try await payer.checkout("acme", plan: "starter")
            #expect(refused.status == 409 && refused.code == "already_subscribed")
            let billing = try await payer.send("GET", "/cp/orgs/acme/billing").json
            #expect(billing["invoices"]?.array?.first?.object?["total"] == .number(9_900))
            let portal = try await payer.send(
                "POST", "/cp/billing/portal", #"{"org_slug":"acme","return_url":"https://app.example/x"}"#)
            #expect(portal.status == 200 && portal.json["url"]?.string?.isEmpty == false)

            let erased = try await payer.send("DELETE", "/cp/orgs/acme", #"{"confirm":"acme"}"#)
            #expect(erased.json["status"] == .string("purged"), "\(erased.json)")
            let subscriptions = try await payer.stripe("GET", "subscriptions?status=all")
            let statuses = subscriptions["data"]?.array?.map { $0.object?["status"] }
            #expect(statuses == [.string("canceled")])
            #expect(try await cloud.service.count("billing_invoices WHERE total = 9900") == 1)
            #expect(try await cloud.service.count("billing_checkouts") == 0)
        }
    }

    @Test func aLostWebhookIsFoundByTheComparison() async throws {
        try await TestCloud.run { cloud in
            let payer = try await Payer(cloud)
            _ = try await payer.signUp("acme", plan: "starter")
            // Before the first of them: also the customer's creation is told.
            try await payer.loseWebhooks()
            let page = try await payer.checkout("acme", plan: "starter")
            try await payer.pay(page.json["id"]?.string ?? "")
            let answer = try await cloud.service.send("POST", "/cp/admin/billing/sync", body: "{}")
            #expect(answer.status == 200 && answer.json["differing"] == .number(1), "\(answer.json)")
            #expect(try await cloud.service.count("billing_events") == 0)
            try await cloud.await("acme", "running")
            let second = try await cloud.service.send("POST", "/cp/admin/billing/sync", body: "{}")
            #expect(second.json["differing"] == .number(0) && second.json["subscriptions"] == .number(1))
        }
    }

    @Test func whatIsNotPaidInTimeIsSuspendedAndResumesWithThePayment() async throws {
        try await TestCloud.run { cloud in
            let (payer, org, subscription) = try await Payer.running(cloud)
            // A change of plan that cannot be paid.
            let customer = try await payer.customer(org)
            try await cloud.operate("PUT", "stripe/customers/\(customer)", #"{"card":"failing"}"#)
            try await payer.change(subscription, to: "pro_monthly")
            try await payer.await(org, billing: "past_due")
            let database = cloud.service.platform.database
            let shown = try await payer.send("GET", "/cp/orgs/acme").json
            #expect(shown["plan"] == .string("starter") && shown["grace_ends_at"] != nil)
            let late = Date().addingTimeInterval(-1)
            try await database.execute("UPDATE orgs SET grace_ends_at = \(late)")
            _ = try await cloud.service.send("POST", "/cp/admin/orgs/acme/billing/sync", body: "{}")
            try await cloud.await("acme", "suspended")
            let own = try await payer.send("POST", "/cp/orgs/acme/resume", "{}")
            #expect(own.status == 403 && own.code == "suspended_for_payment")
            let notices = try await payer.send("GET", "/cp/orgs/acme/billing").json["notices"]?.array
            let kinds = notices?.compactMap { $0.object?["kind"]?.string } ?? []
            #expect(Set(kinds).isSuperset(of: ["payment_failed", "suspended"]))

            try await cloud.operate("PUT", "stripe/customers/\(customer)", #"{"card":"good"}"#)
            try await payer.payOpenInvoices(customer)
            try await payer.await(org, billing: "active")
            try await cloud.await("acme", "running")
            let paid = try await payer.send("GET", "/cp/orgs/acme").json
            #expect(paid["plan"] == .string("pro") && paid["grace_ends_at"] == nil)
            let audit = try await cloud.service.send("GET", "/cp/admin/audit?org=acme&action=org")
            let actions = Set(
                audit.json["entries"]?.array?.compactMap { $0.object?["action"]?.string } ?? [])
            #expect(
                actions.isSuperset(of: [
                    "org.paid", "org.plan_changed", "org.suspended", "org.resumed", "org.billing_changed",
                ]))
        }
    }

    @Test func whoNeverPaysGoesAndNobodyCanPayAfterwards() async throws {
        try await TestCloud.run { cloud in
            let payer = try await Payer(cloud)
            _ = try await payer.signUp("acme", plan: "pro")
            let page = try await payer.checkout("acme", plan: "pro")
            try await cloud.service.platform.database.execute(
                """
                UPDATE billing_accounts SET created_at = created_at - interval '4 days',
                    next_look_at = now()
                """)
            try await eventually("the organisation is gone") {
                try await cloud.service.count("orgs WHERE status = 'purged'") == 1
            }
            let session = try await payer.stripe("GET", "checkout/sessions/\(page.json["id"]?.string ?? "")")
            #expect(session["status"] == .string("expired"))
        }
    }

    /// Deleted in Stripe's dashboard, while a page of it is open: the next page is another customer's.
    @Test func aCustomerThatWasDeletedAtStripeIsReplaced() async throws {
        try await TestCloud.run { cloud in
            let payer = try await Payer(cloud)
            let created = try await payer.signUp("acme", plan: "starter")
            let org = try #require(UUID(uuidString: created.json["id"]?.string ?? ""))
            let store = BillingStore(database: cloud.service.platform.database)
            let first = try await payer.checkout("acme", plan: "starter")
            let gone = try #require(try await store.find(org: org)?.customerID)
            try await payer.deleteCustomer(gone)

            let portal = try await payer.send(
                "POST", "/cp/billing/portal",
                #"{"org_slug":"acme","return_url":"https://acme.localhost/home"}"#)
            #expect(portal.status == 409 && portal.json["code"] == .string("no_customer"))
            _ = try await payer.checkout("acme", plan: "starter")
            try await payer.deleteCustomer(try #require(try await store.find(org: org)?.customerID))
            let second = try await payer.checkout("acme", plan: "starter")
            #expect(second.status == 200, "\(second.json)")
            #expect(second.json["id"] != first.json["id"])
            #expect(try await store.find(org: org)?.customerID != gone)
            try await payer.pay(try #require(second.json["id"]?.string))
            try await cloud.await("acme", "running")
            let audited = try await cloud.service.send("GET", "/cp/admin/audit?action=billing.customer_gone")
            #expect(audited.json["entries"]?.array?.count == 2, "\(audited.json)")
        }
    }

    @Test func whoMayPayAndWhereItLeadsIsChecked() async throws {
        try await TestCloud.run { cloud in
            let payer = try await Payer(cloud)
            _ = try await payer.signUp("acme", plan: "starter")
            for (plan, url, code) in [
                ("free", Self.home, "invalid_plan"), ("none", Self.home, "invalid_plan"),
                ("starter", "https://evil.example/", "invalid_success_url"),
                ("starter", "http://cp.example/", "invalid_success_url"),
            ] {
                let answer = try await payer.checkout("acme", plan: plan, url: url)
                #expect(answer.status == 400 && answer.code == code, "\(plan) \(url)")
            }
            #expect(try await payer.checkout("nobody", plan: "starter").code == "org_not_found")
            let none = try await payer.send(
                "POST", "/cp/billing/portal", #"{"org_slug":"acme","return_url":"\#(Self.home)"}"#)
            #expect(none.status == 409 && none.code == "no_customer")
            #expect(try await payer.stripe("GET", "customers")["data"]?.array?.isEmpty == true)
        }
    }

    /// Whatever of the events comes, and in whatever order, the end is what Stripe says.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theOrderOfEventsDoesNotMatter(_ seed: UInt64) async throws {
        try await TestCloud.run { cloud in
            var (payer, org, subscription) = try await Payer.running(cloud)
            var dice = EventDice(seed: seed)
            for _ in 0..<12 {
                switch Int.random(in: 0..<6, using: &dice) {
                case 0: try await payer.change(subscription, to: "pro_monthly")
                case 1: try await payer.change(subscription, to: "starter_monthly")
                case 2: try await payer.resendSome(&dice)
                case 3: try await payer.loseWebhooks()
                case 4: try await payer.findWebhooks()
                default:
                    _ = try await payer.stripe("DELETE", "subscriptions/\(subscription)")
                    subscription = try await payer.subscribe(org, to: "starter_monthly")
                }
            }
            try await payer.resendSome(&dice)
            let state = SubscriptionState(
                of: try await cloud.service.platform.billing.stripe!.subscriptions(
                    customer: try await payer.customer(org)))
            let plan = state?.lookupKeys.compactMap { Plans.standard.sold(under: $0) }.first?.name
            _ = try await cloud.service.send("POST", "/cp/admin/billing/sync", body: "{}")
            try await eventually("plan \(plan ?? "-") by \(state?.id ?? "-")") {
                let account = try await BillingStore(database: cloud.service.platform.database)
                    .find(org: org)
                let now = try await OrgStore(database: cloud.service.platform.database).find(id: org)
                return account?.subscriptionID == state?.id && account?.subscriptionStatus == state?.status
                    && now?.plan == plan && now?.billingStatus == .active
            }
        }
    }
}

/// Chance that a seed repeats.
struct EventDice: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
