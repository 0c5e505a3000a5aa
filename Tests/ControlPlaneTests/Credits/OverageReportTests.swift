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

/// Overage and the stand-in of Stripe's: what is computed, reported and counted is the same, whatever happens
/// in between.
@Suite struct OverageReportTests {
    @Test func whatEveryFaultLeavesComesToTheSame() async throws {
        try await OverageScene.run { scene in
            var overage = 0
            for fault in [
                "lost_reply", "reset", "status_500", "status_503", "throttle", "silence", "malformed",
                "delay", "duplicate",
            ] {
                for count in [1, 3] {
                    try await scene.service.use(scene.org.id, credits: 1_001)
                    overage += 1_001
                    try await scene.befall(fault, count: count)
                    try await scene.cut()
                    for _ in 0..<2 {
                        try await scene.reporter.sendDue()
                        try await scene.letTimePass()
                    }
                    try await scene.settle()
                    try await scene.expectBooks(of: overage, "\(fault), \(count) times")
                }
            }
            #expect(try await scene.service.count("overage_reports") == 18)
        }
    }

    @Test func aCrashBetweenAnyTwoLinesCountsOnce() async throws {
        try await OverageScene.run { scene in
            let store = OverageStore(database: scene.service.platform.database)
            var overage = 0
            func use() async throws {
                try await scene.service.use(scene.org.id, credits: 77)
                overage += 77
            }
            // Behind the cut.
            try await use()
            try await scene.cut()
            try await scene.settle()
            try await scene.expectBooks(of: overage, "cut")
            // Behind the mark, before the call.
            try await use()
            try await scene.cut()
            _ = try #require(try await store.beginAttempt(lease: .seconds(90)))
            #expect(try await store.beginAttempt(lease: .seconds(90)) == nil, "another replica finds none")
            #expect(try await scene.states().last == .unknown)
            try await scene.settle()
            try await scene.expectBooks(of: overage, "marked")
            // Behind the call, before its answer is kept.
            try await use()
            try await scene.cut()
            let (report, _) = try #require(try await store.beginAttempt(lease: .seconds(90)))
            try await scene.reporter.stripe.sendMeterEvent(
                report.event, idempotencyKey: report.idempotencyKey)
            try await scene.settle()
            try await scene.expectBooks(of: overage, "sent")
        }
    }

    @Test func afterADayStripesSumsDecide() async throws {
        try await OverageScene.run { scene in
            try await scene.service.use(scene.org.id, credits: 500)
            try await scene.cut()
            // It was lost on the way there, and nobody knows.
            try await scene.befall("status_500", count: 9)
            try await scene.reporter.sendDue()
            #expect(try await scene.states() == [.unknown])
            try await scene.letADayPass()
            try await scene.reporter.sendDue()
            #expect(try await scene.states() == [.unknown], "it is not sent blindly")
            try await scene.calmDown()
            try await scene.reporter.compareDue()
            #expect(try await scene.states() == [.pending])
            #expect(try await scene.counted() == 0)
            try await scene.settle()
            try await scene.expectBooks(of: 500, "sent anew")
            // The answer was lost on the way back.
            try await scene.service.use(scene.org.id, credits: 300)
            try await scene.cut()
            try await scene.befall("lost_reply")
            try await scene.reporter.sendDue()
            try await scene.letADayPass()
            try await scene.reporter.compareDue()
            #expect(try await scene.states().last == .reconciled)
            try await scene.expectBooks(of: 800, "it was there")
            // Something else was counted: nothing is concluded.
            try await scene.service.use(scene.org.id, credits: 100)
            try await scene.cut()
            try await scene.befall("status_500", count: 9)
            try await scene.reporter.sendDue()
            try await scene.calmDown()
            var strange = OverageReport(
                id: UUID(), org: scene.org.id, month: scene.month, customer: scene.customer, credits: 41,
                eventAt: Date(), state: .pending, attempts: 1)
            strange.unknownSince = nil
            try await scene.reporter.stripe.sendMeterEvent(strange.event, idempotencyKey: "strange")
            try await scene.letADayPass()
            try await scene.reporter.compareDue()
            try await scene.reporter.sendDue()
            #expect(try await scene.states().last == .unknown)
            #expect(try await scene.counted() == 841)
        }
    }

    @Test func whatStripeRefusesIsNotSent() async throws {
        try await OverageScene.run { scene in
            try await scene.service.use(scene.org.id, credits: 5)
            try await scene.cut()
            try await scene.service.platform.database.execute(
                "UPDATE overage_reports SET event_at = now() - interval '40 days'")
            try await scene.reporter.sendDue()
            #expect(try await scene.states() == [.pending])
            let error = try await scene.service.platform.database.query(
                "SELECT last_error, unknown_since IS NULL AS is_known FROM overage_reports")[0]
            #expect(try error["last_error", as: String.self].contains("timestamp"))
            #expect(try error["is_known", as: Bool.self])
            // While it waits, no other is cut.
            try await scene.service.use(scene.org.id, credits: 5)
            try await scene.cut()
            #expect(try await scene.service.count("overage_reports") == 1)
        }
    }

    @Test func manyReplicasCutAndSendOnce() async throws {
        try await OverageScene.run { scene in
            var overage = 0
            for _ in 0..<5 {
                try await scene.service.use(scene.org.id, credits: 999)
                overage += 999
                try await scene.letTimePass()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            try await scene.cut()
                            try await scene.reporter.sendDue()
                            try await scene.reporter.compareDue()
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await scene.settle()
            try await scene.expectBooks(of: overage, "four at once")
        }
    }

    /// Use, cuts, faults, crashes, another cap and more credits in any order.
    @Test func whateverHappensTheBooksAgreeInTheEnd() async throws {
        try await OverageScene.run { scene in
            var generator = SplitMix(state: 15)
            let store = OverageStore(database: scene.service.platform.database)
            let faults = ["lost_reply", "reset", "status_500", "throttle", "malformed", "duplicate"]
            for step in 0..<250 {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0...2:
                    let millicredits = Int.random(in: 1...9_999, using: &generator)
                    try await scene.service.use(scene.org.id, millicredits: millicredits)
                case 3: try await scene.cut()
                case 4...5: try await scene.reporter.sendDue()
                case 6:
                    let count = Int.random(in: 1...3, using: &generator)
                    try await scene.befall(faults.randomElement(using: &generator)!, count: count)
                case 7: try await scene.letTimePass()
                case 8:
                    // The process ends before the call, or behind it.
                    guard let (report, _) = try await store.beginAttempt(lease: .seconds(90)),
                        Bool.random(using: &generator)
                    else { continue }
                    try? await scene.reporter.stripe.sendMeterEvent(
                        report.event, idempotencyKey: report.idempotencyKey)
                default:
                    if step % 3 == 0 { try await scene.letADayPass() }
                    try await scene.reporter.compareDue()
                }
            }
            try await scene.settle()
            let used = try await scene.service.account(scene.org.id).position.used
            #expect(used > OverageScene.grant)
            try await scene.expectBooks(of: used - OverageScene.grant, "to the credit")
            print("overage: \(try await scene.states().count) reports, \(used - OverageScene.grant) credits")
        }
    }

    @Test func theBooksAreShownAndMended() async throws {
        try await OverageScene.run { scene in
            let service = scene.service
            let path = "/cp/admin/billing/overage"
            func books() async throws -> [String: JSONValue] {
                let answer = try await service.send("GET", "\(path)?month=\(scene.month.text)&org=acme")
                #expect(answer.status == 200, "\(answer.json)")
                return answer.json["organisations"]?.array?.first?.object ?? [:]
            }
            #expect(try await books().isEmpty, "no overage, no books")
            try await service.use(scene.org.id, credits: 60)
            let before = try await books()
            #expect(before["difference_credits"]?.number == 60 && before["remedy"] == .string("report"))
            let order = #"{"org":"acme","month":"\#(scene.month.text)","dry_run":"#
            let dry = try await service.send("POST", "\(path)/repair", body: order + "true}")
            #expect(dry.status == 200 && dry.json["remedy"] == .string("report"))
            #expect(try await service.count("overage_reports") == 0)
            let done = try await service.send("POST", "\(path)/repair", body: order + "false}")
            #expect(done.json["done"] == .bool(true))
            let after = try await books()
            #expect(after["difference_credits"]?.number == 0 && after["stripe_credits"]?.number == 60)
            #expect(after["reported_credits"]?.number == 60 && after["remedy"] == .string("none"))
            // Stripe answered for one, and does not count it.
            try await service.use(scene.org.id, credits: 9)
            try await scene.cut()
            try await service.platform.database.execute(
                "UPDATE overage_reports SET state = 'sent', finished_at = now() WHERE credits = 9")
            #expect(try await books()["remedy"] == .string("wait"))
            try await scene.letADayPass()
            #expect(try await books()["remedy"] == .string("send_again"))
            _ = try await service.send("POST", "\(path)/repair", body: order + "false}")
            try await scene.expectBooks(of: 69, "mended")
            let audit = try await service.send("GET", "/cp/admin/audit?action=overage.repaired")
            #expect(audit.json["entries"]?.array?.count == 2)
            #expect(try await service.send("GET", "\(path)?after=x").code == "invalid_after")
            #expect(try await service.send("GET", "\(path)?org=nobody").status == 404)
        }
    }
}
