import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What follows from a subscription, case by case, without a clock or a database.
@Suite struct BillingRulesTests {
    private static let now = Date(timeIntervalSince1970: 1_900_000_000)
    private static let rules = BillingRules(
        plans: .standard, afterCancellation: .free, awaitingPayment: 259_200)

    private static func days(_ count: Double) -> Date { now.addingTimeInterval(count * 86_400) }

    private static func account(created: Date = now, failing: Date? = nil, status: String? = nil)
        -> BillingAccount
    {
        BillingAccount(
            orgID: UUID(), createdAt: created, customerID: "cus_1",
            subscriptionID: status == nil ? nil : "sub_1", subscriptionStatus: status, surplus: 0,
            failingSince: failing, syncRequested: 1, syncDone: 0)
    }

    private static func state(_ status: String, _ key: String? = "starter_monthly") -> SubscriptionState {
        SubscriptionState(
            id: "sub_1", status: status, standing: .init(status: status), lookupKeys: key.map { [$0] } ?? [],
            surplus: 0)
    }

    private static func facts(
        _ status: Org.Status, plan: String = "starter", by author: Suspension.Author? = nil,
        grace: Date? = nil, _ account: BillingAccount = account()
    ) -> BillingRules.Facts {
        .init(status: status, plan: plan, suspendedBy: author, graceEndsAt: grace, account: account)
    }

    @Test func whatIsPaidForIsProvisionedAndGetsItsPlan() {
        let verdict = Self.rules.verdict(
            Self.facts(.awaitingPayment), Self.state("active", "pro_monthly"), now: Self.now)
        #expect(verdict.deed == .provision && verdict.plan == "pro" && verdict.status == .active)
        #expect(verdict.account.lookupKey == "pro_monthly" && verdict.account.problem == nil)
        let trial = Self.rules.verdict(Self.facts(.running), Self.state("trialing"), now: Self.now)
        #expect(trial.deed == .nothing && trial.status == .active && trial.plan == "starter")
        let unknown = Self.rules.verdict(Self.facts(.running), Self.state("active", "x"), now: Self.now)
        #expect(unknown.plan == "starter" && unknown.account.problem?.contains("(x)") == true)
    }

    @Test(arguments: ["incomplete", "incomplete_expired", "something_new", "none"])
    func whatWasNeverPaidWaitsAndGoesInTheEnd(_ status: String) {
        let state = status == "none" ? nil : Self.state(status)
        let early = Self.rules.verdict(Self.facts(.awaitingPayment), state, now: Self.days(2.9))
        #expect(early.deed == .nothing && early.account.nextLookAt == Self.days(3))
        let late = Self.rules.verdict(Self.facts(.awaitingPayment), state, now: Self.days(3))
        #expect(late.deed == .expire && late.status == .none)
        #expect(Self.rules.verdict(Self.facts(.running), state, now: Self.days(9)).deed == .nothing)
    }

    @Test(arguments: ["past_due", "unpaid", "paused"])
    func aPaymentThatFailsHasGraceThenSuspends(_ status: String) {
        let first = Self.rules.verdict(
            Self.facts(.running, Self.account(status: "active")), Self.state(status, "pro_monthly"),
            now: Self.now)
        #expect(first.status == .pastDue && first.graceEndsAt == Self.days(7) && first.deed == .nothing)
        #expect(first.notices == [.paymentFailed] && first.account.nextLookAt == Self.days(3))
        // What is not paid for raises no plan.
        #expect(first.plan == "starter" && first.account.failingSince == Self.now)

        let failing = Self.account(failing: Self.now, status: status)
        let running = Self.facts(.running, grace: Self.days(7), failing)
        let table: [(Double, BillingRules.Deed, [Dunning.Notice], Double?)] = [
            (3, .nothing, [.paymentFailed, .reminder], 6),
            (6, .nothing, [.paymentFailed, .reminder, .lastWarning], 7),
            (
                7, .suspend(reason: "a payment failed"),
                [.paymentFailed, .reminder, .lastWarning, .suspended], nil
            ),
        ]
        for (day, deed, notices, next) in table {
            let verdict = Self.rules.verdict(running, Self.state(status), now: Self.days(day))
            #expect(verdict.deed == deed && verdict.notices == notices, "day \(day)")
            #expect(verdict.account.nextLookAt == next.map(Self.days))
        }
        let provisioning = Self.rules.verdict(
            Self.facts(.provisioning, grace: Self.days(7), failing), Self.state(status), now: Self.days(8))
        #expect(provisioning.deed == .nothing && provisioning.account.nextLookAt != nil)
        // An operator has moved the end.
        let moved = Self.rules.verdict(
            Self.facts(.running, grace: Self.days(20), failing), Self.state(status), now: Self.days(8))
        #expect(moved.status == .pastDue && moved.graceEndsAt == Self.days(20))
    }

    @Test func aPaymentEndsOnlyTheSuspensionThatBillingBegan() {
        let owing = Self.account(failing: Self.now, status: "past_due")
        for (author, deed) in [
            (Suspension.Author.billing, BillingRules.Deed.resume), (.customer, .nothing),
            (.operator, .nothing),
        ] {
            let verdict = Self.rules.verdict(
                Self.facts(.suspended, by: author, grace: Self.days(7), owing), Self.state("active"),
                now: Self.days(9))
            #expect(verdict.deed == deed && verdict.status == .active, "\(author)")
            #expect(verdict.graceEndsAt == nil && verdict.account.failingSince == nil)
        }
    }

    @Test func whatHasEndedIsFreeOrSuspendedAsConfigured() {
        let facts = Self.facts(.running, plan: "pro", Self.account(status: "active"))
        let free = Self.rules.verdict(facts, Self.state("canceled"), now: Self.now)
        #expect(free.plan == "free" && free.deed == .nothing && free.status == .canceled)
        #expect(free.notices == [.canceled])
        // A customer that was deleted at Stripe is shown no more.
        let gone = Self.rules.verdict(facts, nil, now: Self.now)
        #expect(gone.status == .canceled && gone.account.subscriptionStatus == "canceled")
        var strict = Self.rules
        strict.afterCancellation = .suspend
        let stopped = strict.verdict(facts, Self.state("canceled"), now: Self.now)
        #expect(stopped.plan == "pro" && stopped.deed == .suspend(reason: "the subscription has ended"))
    }

    @Test func aShortGraceHasFewerNotices() {
        for (grace, kinds) in [
            (0, [.paymentFailed]), (1, [.paymentFailed]), (2, [.paymentFailed, .lastWarning]),
            (5, [.paymentFailed, .reminder, .lastWarning]),
        ] as [(Int, [Dunning.Notice])] {
            let end = Dunning.graceEnd(failingSince: Self.now, graceDays: grace)
            let schedule = Dunning.schedule(failingSince: Self.now, graceEndsAt: end)
            #expect(schedule.map(\.notice) == kinds, "\(grace) days")
            #expect(schedule.map(\.at) == schedule.map(\.at).sorted())
        }
    }

    private static func subscription(_ id: String, _ status: String, _ created: Int) throws
        -> StripeSubscription
    {
        let json = """
            {"id":"\(id)","customer":"cus_1","status":"\(status)","created":\(created),
            "cancel_at_period_end":false,"cancel_at":null,"metadata":{},"latest_invoice":"in_1",
            "items":{"data":[{"id":"si","price":{"id":"price","lookup_key":"pro_monthly"},
            "current_period_end":1900000100}],"has_more":false}}
            """
        return try JSONDecoder().decode(StripeSubscription.self, from: Data(json.utf8))
    }

    @Test func theOneThatCountsDoesNotDependOnTheirOrder() throws {
        for (all, chosen, surplus) in [
            ([("a", "canceled", 1), ("b", "active", 2)], "b", 0),
            ([("a", "active", 1), ("b", "active", 2)], "a", 1),
            ([("a", "past_due", 1), ("b", "active", 2), ("c", "trialing", 3)], "b", 2),
            ([("a", "canceled", 1), ("b", "canceled", 2)], "b", 0),
            ([("a", "incomplete", 3), ("b", "canceled", 2)], "b", 0),
            ([("b", "active", 1), ("a", "active", 1)], "a", 1),
        ] as [([(String, String, Int)], String, Int)] {
            let subscriptions = try all.map { try Self.subscription($0.0, $0.1, $0.2) }
            for order in [subscriptions, subscriptions.reversed()] {
                let state = SubscriptionState(of: order)
                #expect(state?.id == chosen && state?.surplus == surplus, "\(all)")
            }
        }
        #expect(SubscriptionState(of: []) == nil)
    }

    @Test func plansThatCannotBeSoldAreRefused() {
        for json in [
            "{}", "[]", #"[{"name":"free","cents":1}]"#,
            #"[{"name":"free","cents":0},{"name":"a","cents":5}]"#,
            #"[{"name":"free","cents":0},{"name":"free","cents":0}]"#, #"[{"name":"Free","cents":0}]"#,
            #"[{"name":"free","cents":0,"grace_days":91}]"#, #"[{"name":"free","cents":29.5}]"#,
        ] { #expect(throws: Plans.Problem.self, "\(json)") { try Plans(json: json) } }
        let plans = try? Plans(
            json:
                """
                [{"name":"free","cents":0},
                {"name":"team","cents":5000,"lookup_key":"team_m","workspaces":7}]
                """
        )
        #expect(plans?.sold(under: "team_m")?.name == "team" && plans?.quotas(of: "team").workspaces == 7)
        #expect(plans?.orFree("pro").name == "free")
    }
}
