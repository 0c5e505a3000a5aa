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

/// Stripe answers 500, and gives that answer under the same key for a day: whether the call took effect or
/// not, who pays pays once.
@Suite struct KeptFailureTests {
    /// `status_500` fails before the call takes effect, `late_500` behind it. With one failure the request
    /// itself gets over it; with three, the user asks again.
    @Test(arguments: ["status_500", "late_500"], [1, 3])
    func aCustomerIsCreatedOnce(_ fault: String, _ count: Int) async throws {
        try await Self.run { payer in
            let cloud = payer.cloud
            _ = try await payer.signUp("acme", plan: "starter")
            try await payer.befall(fault, "createCustomer", count)
            let first = try await payer.checkout("acme", plan: "starter")
            let isFoundAtOnce = count == 1 || fault == "late_500"
            #expect((first.status == 200) == isFoundAtOnce, "\(first.json)")
            let page = try await payer.checkout("acme", plan: "starter")
            #expect(page.status == 200, "\(page.json)")
            try await payer.pay(try #require(page.json["id"]?.string))
            try await cloud.await("acme", "running")
            try await payer.expectOne("customers")
            try await payer.expectOne("subscriptions?status=all")
        }
    }

    @Test(arguments: ["status_500", "late_500"], [1, 3])
    func aPageIsOpenOnce(_ fault: String, _ count: Int) async throws {
        try await Self.run { payer in
            _ = try await payer.signUp("acme", plan: "starter")
            try await payer.befall(fault, "createCheckoutSession", count)
            let first = try await payer.checkout("acme", plan: "starter")
            #expect(first.status == (count == 1 ? 200 : 503), "\(first.json)")
            let page = try await payer.checkout("acme", plan: "starter")
            #expect(page.status == 200, "\(page.json)")
            try await payer.expectOne("checkout/sessions?status=open")
            #expect(try await payer.cloud.service.count("billing_checkouts WHERE closed_at IS NULL") == 1)
            try await payer.pay(try #require(page.json["id"]?.string))
            try await payer.cloud.await("acme", "running")
            try await payer.expectOne("subscriptions?status=all")
        }
    }

    @Test func manyWhoAskAtOnceMakeOneCustomer() async throws {
        try await Self.run { payer in
            _ = try await payer.signUp("acme", plan: "starter")
            try await payer.befall("status_500", "createCustomer", 2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask { _ = try await payer.checkout("acme", plan: "starter") }
                }
                try await group.waitForAll()
            }
            #expect(try await payer.checkout("acme", plan: "starter").status == 200)
            try await payer.expectOne("customers")
            try await payer.expectOne("checkout/sessions?status=open")
        }
    }

    /// A deletion does not wait for the day to be over.
    @Test func aPageThatFailedIsEndedWithItsOrganisation() async throws {
        try await Self.run { payer in
            _ = try await payer.signUp("acme", plan: "starter")
            let page = try await payer.checkout("acme", plan: "starter")
            try await payer.cloud.service.platform.database.execute(
                "UPDATE billing_checkouts SET session_id = NULL, id = gen_random_uuid()")
            try await payer.befall("late_500", "createCheckoutSession", 1)
            let gone = try await payer.send("DELETE", "/cp/orgs/acme", #"{"confirm":"acme"}"#)
            #expect(gone.json["status"] == .string("purged"), "\(gone.json)")
            let session = try await payer.stripe("GET", "checkout/sessions/\(page.json["id"]?.string ?? "")")
            #expect(session["status"] == .string("expired"))
            let open = try await payer.stripe("GET", "checkout/sessions?status=open")["data"]?.array
            #expect(open?.isEmpty == true)
        }
    }

    private static func run(_ body: @Sendable @escaping (Payer) async throws -> Void) async throws {
        try await TestCloud.run { cloud in try await body(try await Payer(cloud)) }
    }
}

extension Payer {
    fileprivate func befall(_ fault: String, _ operation: String, _ count: Int) async throws {
        let rule =
            #"{"service":"stripe","operation":"\#(operation)","fault":"\#(fault)","count":\#(count)}"#
        try await cloud.operate("PUT", "faults", #"{"rules":[\#(rule)]}"#)
    }

    fileprivate func expectOne(_ list: String) async throws {
        let rows = try await stripe("GET", list)["data"]?.array
        #expect(rows?.count == 1, "\(list): \(rows?.count ?? 0)")
    }
}
