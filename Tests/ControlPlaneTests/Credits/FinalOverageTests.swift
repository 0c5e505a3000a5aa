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
@testable import WireText

/// Overage of an organisation whose subscription ends: what was used is on its last invoice, and what comes
/// afterwards is shown, and charged to nobody.
@Suite struct FinalOverageTests {
    /// Rows are cut by nobody else: the interval is longer than the test.
    private static func run(_ body: @Sendable @escaping (Payer, OverageReporter) async throws -> Void)
        async throws
    {
        try await TestCloud.run(["OVERAGE_REPORT_SECONDS": "86400"]) { cloud in
            let stripe = try #require(cloud.service.platform.billing.stripe)
            try await body(
                try await Payer(cloud),
                OverageReporter(billing: cloud.service.platform.billing, stripe: stripe))
        }
    }

    @Test func whatWasUsedIsOnTheLastInvoice() async throws {
        try await Self.run { payer, reporter in
            let (cloud, store) = (payer.cloud, OverageStore(database: payer.cloud.service.platform.database))
            for (number, fault) in ["", "lost_reply", "status_500", "throttle", "crash"].enumerated() {
                let slug = "acme-\(number)"
                let org = try await payer.customer(slug, using: 1_200 + number)
                if fault == "crash" {
                    // The process ended behind the call, before its answer was kept.
                    try await reporter.cut(org, Month(containing: Date()), now: Date())
                    let (report, _) = try #require(try await store.beginAttempt(lease: .seconds(1)))
                    try await reporter.stripe.sendMeterEvent(
                        report.event, idempotencyKey: report.idempotencyKey)
                } else if !fault.isEmpty {
                    let rule = #"{"service":"stripe","operation":"createMeterEvent","fault":"\#(fault)","#
                    try await cloud.operate("PUT", "faults", #"{"rules":[\#(rule)"count":1,"seconds":1}]}"#)
                }
                let gone = try await payer.send("DELETE", "/cp/orgs/\(slug)", #"{"confirm":"\#(slug)"}"#)
                #expect(gone.json["status"] == .string("purged"), "\(fault): \(gone.json)")
                try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
                try await payer.expectBooks(of: org, 1_200 + number, fault)
                let invoiced = try await payer.invoicedOverage(org)
                #expect(invoiced == [1_200 + number], "\(fault): \(invoiced)")
            }
            #expect(try await cloud.service.count("overage_reports") == 5)
            let statuses = try await payer.stripe("GET", "subscriptions?status=all")["data"]?.array?
                .map { $0.object?["status"]?.string }
            #expect(statuses == Array(repeating: "canceled", count: 5))
        }
    }

    @Test func whatComesAfterTheLastInvoiceIsShownAndNotCharged() async throws {
        try await Self.run { payer, reporter in
            let service = payer.cloud.service
            let org = try await payer.customer("acme", using: 900)
            _ = try await payer.send("DELETE", "/cp/orgs/acme", #"{"confirm":"acme"}"#)
            try await service.use(org, credits: 50)
            try await reporter.cutDue(every: .zero, now: Date())
            try await reporter.sendDue()
            #expect(try await service.count("overage_reports") == 1)
            let month = Month(containing: Date()).text
            let path = "/cp/admin/billing/overage"
            let shown = try await service.send("GET", "\(path)?month=\(month)&org=\(org.text)")
            let books = shown.json["organisations"]?.array?.first?.object ?? [:]
            #expect(books["difference_credits"]?.number == 50 && books["stripe_credits"]?.number == 900)
            #expect(books["remedy"] == .string("by_hand"), "\(books)")
            let order = #"{"org":"\#(org.text)","month":"\#(month)","dry_run":false}"#
            let repair = try await service.send("POST", "\(path)/repair", body: order)
            #expect(repair.json["done"] == .bool(false), "\(repair.json)")
        }
    }

    @Test func anEndAtStripesSideIsReportedWithinTheLastPeriod() async throws {
        try await Self.run { payer, reporter in
            let (service, store) = (payer.cloud.service, BillingStore(database: reporter.billing.database))
            let org = try await payer.customer("acme", using: 300)
            try await reporter.cutDue(every: .seconds(86_400), now: Date())
            try await reporter.sendDue()
            try await service.use(org, credits: 400)
            try await reporter.cutDue(every: .seconds(86_400), now: Date())
            #expect(try await service.count("overage_reports") == 1, "it is not due yet")
            let subscription = try #require(try await store.find(org: org)?.subscriptionID)
            try await payer.stripe("DELETE", "subscriptions/\(subscription)")
            try await payer.await(org, billing: "canceled")
            try await reporter.cutDue(every: .seconds(86_400), now: Date().addingTimeInterval(60))
            try await reporter.sendDue()
            #expect(try await service.count("overage_reports") == 2, "it is due as the subscription is over")
            let end = try #require(try await store.find(org: org)?.subscriptionEnd)
            #expect(try await service.count("overage_reports WHERE event_at <= \(end)") == 2)
            try await payer.expectBooks(of: org, 700, "ended at Stripe")
        }
    }

    @Test func aCustomerWhoWasDeletedAtStripeHoldsUpNoDeletion() async throws {
        try await Self.run { payer, _ in
            let service = payer.cloud.service
            let org = try await payer.customer("acme", using: 60)
            try await payer.stripe("DELETE", "customers/\(try await payer.customer(org))")
            let gone = try await payer.send("DELETE", "/cp/orgs/acme", #"{"confirm":"acme"}"#)
            #expect(gone.json["status"] == .string("purged"), "\(gone.json)")
            #expect(try await payer.cloud.living() == (0, 0, 0))
            #expect(try await service.count("workflow_steps WHERE state = 'failed'") == 0)
            #expect(try await payer.invoicedOverage(org).isEmpty)
        }
    }

    /// An outage of Stripe's holds up the end of billing, and not that of what runs in the cloud.
    @Test func anOutageDelaysAndLosesNothing() async throws {
        try await Self.run { payer, _ in
            let (cloud, service) = (payer.cloud, payer.cloud.service)
            let org = try await payer.customer("acme", using: 77)
            let rule = #"{"service":"stripe","operation":"createMeterEvent","fault":"status_503"}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(rule)]}"#)
            let row = try #require(try await OrgStore(database: service.platform.database).find(id: org))
            try await Teardowns(fleet: service.platform.fleet)
                .beginDelete(row, isErasure: true, by: .workflow("test"))
            try await eventually("an attempt has failed") {
                let rows = try await service.platform.database.query(
                    "SELECT attempts FROM overage_reports WHERE last_error IS NOT NULL")
                return try rows.first?["attempts", as: Int.self] ?? 0 > 0
            }
            try await eventually("nothing is left in the cloud") { try await cloud.living() == (0, 0, 0) }
            let subscriptions = try await payer.stripe("GET", "subscriptions?status=all")["data"]?.array
            #expect(subscriptions?.map { $0.object?["status"] } == [.string("active")])
            try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
            try await service.platform.database.execute("UPDATE overage_reports SET next_look_at = now()")
            try await eventually("the organisation is gone") {
                try await service.count("orgs WHERE status = 'purged'") == 1
            }
            try await payer.expectBooks(of: org, 77, "after the outage")
            #expect(try await payer.invoicedOverage(org) == [77])
        }
    }
}

extension Payer {
    /// One that pays for `pro`, runs, and has used more than its plan grants.
    fileprivate func customer(_ slug: String, using overage: Int) async throws -> UUID {
        let created = try await signUp(slug, plan: "pro")
        let page = try await checkout(slug, plan: "pro")
        try await pay(try #require(page.json["id"]?.string))
        try await cloud.await(slug, "running")
        let org = try #require(UUID(uuidString: created.json["id"]?.string ?? ""))
        try await cloud.service.changeCredits { try await $0.open(org, Month(containing: Date())) }
        let granted = try await cloud.service.account(org).position.granted
        try await cloud.service.use(org, credits: granted + overage)
        #expect(try await cloud.service.account(org).position.overage == overage)
        return org
    }

    /// Used beyond the grant = reported = counted at Stripe.
    fileprivate func expectBooks(of org: UUID, _ overage: Int, _ what: String) async throws {
        let service = cloud.service
        let (month, database) = (Month(containing: Date()), service.platform.database)
        let stripe = try #require(service.platform.billing.stripe)
        let reported = try await OverageStore(database: database).reported([org], in: month)[org]
        let counted = try await MeterSums(stripe: stripe).counted(
            OverageMonth(org: org, month: month, customer: try await customer(org)))
        let computed = try await service.account(org).position.overage
        #expect((computed, reported, counted) == (overage, overage, overage), "\(what)")
    }

    /// The quantities of the lines for overage, of all invoices.
    fileprivate func invoicedOverage(_ org: UUID) async throws -> [Int] {
        let invoices = try await stripe("GET", "invoices?customer=\(try await customer(org))")
        let lines = invoices["data"]?.array?.flatMap {
            $0.object?["lines"]?.object?["data"]?.array ?? []
        }
        return lines?.compactMap { line in
            let price = line.object?["pricing"]?.object?["price_details"]?.object?["price"]?.string
            return price == "price_pro_overage" ? line.object?["quantity"]?.number : nil
        } ?? []
    }
}
