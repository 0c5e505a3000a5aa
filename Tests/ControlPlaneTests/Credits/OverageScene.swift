import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// An organisation on a plan with overage and a customer at the stand-in of Stripe's. Nothing is reported but
/// by what a test does.
struct OverageScene: Sendable {
    static let grant = 25_000_000

    let cloud: TestCloud
    let org: Org
    let customer: String
    let reporter: OverageReporter

    var service: TestService { cloud.service }
    var month: Month { Month(containing: Date()) }

    static func run(_ body: @Sendable @escaping (OverageScene) async throws -> Void) async throws {
        try await TestCloud.run(["OVERAGE_REPORT_SECONDS": "0", "CREDIT_WATCH_SECONDS": "3600"]) { cloud in
            let service = cloud.service
            let stripe = try #require(service.platform.billing.stripe)
            let org = try await service.org("acme", plan: "pro")
            let customer = try await stripe.createCustomer(
                name: "acme", metadata: ["org_id": org.id.text], idempotencyKey: UUID().text)
            try await BillingStore(database: service.platform.database).open(org: org.id)
            _ = try await BillingStore(database: service.platform.database)
                .recordCustomer(org: org.id, id: customer.id)
            try await service.use(org.id, credits: grant)
            try await service.changeCredits { try await $0.open(org.id, Month(containing: Date())) }
            try await body(
                OverageScene(
                    cloud: cloud, org: org, customer: customer.id,
                    reporter: OverageReporter(billing: service.platform.billing, stripe: stripe)))
        }
    }

    /// The next calls that send events are befallen.
    func befall(_ fault: String, skip: Int = 0, count: Int = 1, operation: String = "createMeterEvent")
        async throws
    {
        let rule =
            #"{"service":"stripe","operation":"\#(operation)","fault":"\#(fault)","skip":\#(skip),"#
            + #""count":\#(count),"seconds":1}"#
        try await cloud.operate("PUT", "faults", #"{"rules":[\#(rule)]}"#)
    }

    func calmDown() async throws { try await cloud.operate("PUT", "faults", #"{"rules":[]}"#) }

    /// Leases and pauses are over.
    func letTimePass() async throws {
        try await service.platform.database.execute(
            "UPDATE overage_reports SET next_look_at = now() - interval '1 second'")
    }

    /// So that Stripe may have forgotten what was sent.
    func letADayPass() async throws {
        try await service.platform.database.execute(
            """
            UPDATE overage_reports SET next_look_at = now() - interval '1 second',
                unknown_since = unknown_since - interval '25 hours',
                finished_at = finished_at - interval '25 hours'
            """)
    }

    func cut() async throws { try await reporter.cutDue(every: .zero, now: Date()) }

    /// Until nothing is open and everything is confirmed.
    func settle() async throws {
        try await calmDown()
        for _ in 0..<20 {
            try await cut()
            try await letTimePass()
            try await reporter.sendDue()
            try await letTimePass()
            try await reporter.compareDue()
            let states = Set(try await states())
            let isAllReported = try await computed() == reported()
            if states.isSubset(of: [.confirmed, .reconciled]), isAllReported { return }
        }
        Issue.record("never settled: \(try await states())")
    }

    func states() async throws -> [OverageReport.State] {
        try await service.platform.database.query("SELECT state FROM overage_reports ORDER BY created_at, id")
            .map { try $0.decode("state", as: OverageReport.State.self) }
    }

    func computed() async throws -> Int { try await service.account(org.id).position.overage }

    func reported() async throws -> Int {
        try await OverageStore(database: service.platform.database).reported([org.id], in: month)[org.id] ?? 0
    }

    func counted() async throws -> Int {
        try await MeterSums(stripe: reporter.stripe).counted(
            OverageMonth(org: org.id, month: month, customer: customer))
    }

    /// Used beyond the grant = computed = reported = counted at Stripe.
    func expectBooks(of overage: Int, _ what: Comment) async throws {
        let books = (try await computed(), try await reported(), try await counted())
        #expect(books == (overage, overage, overage), what)
    }
}
