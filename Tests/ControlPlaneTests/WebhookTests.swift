import CurlHTTP
import Foundation
import Postgres
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What comes as Stripe's word, and what is done about it.
@Suite struct WebhookTests {
    private static let environment = [
        "STRIPE_API_URL": "http://127.0.0.1:9", "STRIPE_SECRET_KEY": "rk_test_x",
        "STRIPE_WEBHOOK_SECRETS": "whsec_new,whsec_old", "CP_WORKERS": "1",
    ]

    private static func event(_ id: String, _ type: String, _ object: String) -> String {
        """
        {"id":"\(id)","type":"\(type)","created":1900000000,"livemode":false,"data":{"object":\(object)}}
        """
    }

    private static func send(
        _ service: TestService, _ body: String, secret: String = "whsec_new", ago: Int = 0
    ) async throws -> TestService.Answer {
        let time = Int(Date().timeIntervalSince1970) - ago
        let signature = StripeSignature.sign(Array(body.utf8), secret: secret, time: time)
        return try await service.send(
            "POST", WebhookRoute.path, token: nil, body: body,
            headers: [HTTPField("Stripe-Signature", "t=\(time),v1=\(signature)")])
    }

    private static func account(_ service: TestService, _ slug: String = "acme") async throws -> Org {
        let org = try await service.launchedOrg(slug: slug).org
        let store = BillingStore(database: service.platform.database)
        try await store.open(org: org.id)
        _ = try await store.recordCustomer(org: org.id, id: "cus_\(slug)")
        return org
    }

    @Test func anEventOrdersOneLookHoweverOftenItComes() async throws {
        try await TestService.run(Self.environment) { service in
            let org = try await Self.account(service)
            let body = Self.event(
                "evt_1", "customer.subscription.updated", #"{"id":"sub_1","customer":"cus_acme"}"#)
            let answers = try await withThrowingTaskGroup(of: TestService.Answer.self) { group in
                for _ in 0..<8 { group.addTask { try await Self.send(service, body) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            #expect(answers.count { $0.json["repeated"] == .bool(false) } == 1)
            let account = try await BillingStore(database: service.platform.database).find(org: org.id)
            #expect(account?.syncRequested == 1)
            #expect(try await service.count("workflows WHERE kind = 'sync_subscription'") == 1)
        }
    }

    @Test func whoseEventItIsAlsoSaysWhatWasWrittenOnTheObject() async throws {
        try await TestService.run(Self.environment) { service in
            let org = try await Self.account(service)
            let cases = [
                ("evt_1", "customer.updated", #"{"id":"cus_acme"}"#, "applied"),
                (
                    "evt_2", "checkout.session.completed",
                    #"{"id":"cs_1","customer":"cus_new","client_reference_id":"\#(org.id.text)"}"#, "applied"
                ),
                (
                    "evt_3", "customer.subscription.created",
                    #"{"id":"sub_1","customer":{"id":"cus_x"},"metadata":{"org_id":"\#(org.id.text)"}}"#,
                    "applied"
                ),
                ("evt_4", "invoice.paid", #"{"id":"in_1","customer":"cus_stranger"}"#, "unmatched"),
                ("evt_5", "invoice.paid", #"{"id":"in_1","metadata":{"org_id":"x"}}"#, "unmatched"),
                ("evt_6", "payout.paid", #"{"id":"po_1","customer":"cus_acme"}"#, "ignored"),
            ]
            for (id, type, object, outcome) in cases {
                let answer = try await Self.send(service, Self.event(id, type, object), secret: "whsec_old")
                #expect(answer.status == 200)
                #expect(
                    try await service.count(
                        "billing_events WHERE id = \(id) AND outcome = \(outcome)") == 1, "\(id)")
            }
        }
    }

    @Test func whatIsNotSignedByStripeNowDoesNothing() async throws {
        try await TestService.run(Self.environment) { service in
            _ = try await Self.account(service)
            let body = Self.event("evt_1", "invoice.paid", #"{"id":"in_1","customer":"cus_acme"}"#)
            let refused = [
                try await Self.send(service, body, secret: "whsec_other"),
                try await Self.send(service, body, ago: 301), try await Self.send(service, body, ago: -330),
                try await service.send("POST", WebhookRoute.path, token: nil, body: body),
                try await service.send(
                    "POST", WebhookRoute.path, body: body,
                    headers: [HTTPField("Stripe-Signature", "t=1,v1=00,v1=")]),
            ]
            #expect(refused.allSatisfy { $0.status == 401 && $0.code == "unauthenticated" })
            let large = String(repeating: "x", count: WebhookRoute.maximumBytes + 1)
            #expect(try await Self.send(service, large).status == 413)
            let strange = try await Self.send(service, #"{"id":"evt_1"}"#)
            #expect(strange.status == 400 && strange.code == "invalid_body")
            #expect(try await service.count("billing_events") == 0)
            #expect(try await service.count("workflows") == 0)
        }
    }

    @Test func withoutASecretThereIsNothingToPayAndItsRoutesAreNotThere() async throws {
        try await TestService.run { service in
            for path in [WebhookRoute.path, "/cp/billing/checkout", "/cp/admin/billing/sync"] {
                let answer = try await service.send("POST", path, body: "{}")
                #expect(answer.status == 404 && answer.code == "no_such_route", "\(path)")
            }
        }
    }
}
