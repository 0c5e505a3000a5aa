import Testing

@testable import LocalCloud

/// The account as a value, in its own time.
@Suite struct StripeAccountTests {
    private static let start = 1_767_268_800

    private static func form(_ fields: [String: String]) throws -> StripeParameters {
        try StripeParameters(fields.map { (name: $0.key, value: $0.value) })
    }

    /// An account with one customer who has the plan, on a clock of their own.
    private static func world(_ prices: String...) throws -> (
        StripeAccount, clock: String, subscription: String
    ) {
        var account = StripeAccount(wallTime: start)
        account.stock()
        let clock = try account.createTestClock(form(["frozen_time": String(start)])).id
        let customer = try account.createCustomer(
            form(["test_clock": clock, "payment_method": "pm_card_visa", "email": "a@b.example"]))
        var fields = ["customer": customer.id]
        for (index, price) in prices.enumerated() { fields["items[\(index)][price]"] = "price_\(price)" }
        let subscription = try account.createSubscription(form(fields)).id
        return (account, clock, subscription)
    }

    private static func advance(_ account: inout StripeAccount, _ clock: String, days: Int) throws {
        let time = account.now(clock)
        _ = try account.advanceTestClock(clock, to: time + days * 86_400)
    }

    @Test func twoYearsAreTwentyFourRenewalsWithoutAGap() throws {
        var (account, clock, id) = try Self.world("starter_monthly")
        try Self.advance(&account, clock, days: 731)
        let invoices = account.invoices.all
        #expect(invoices.count == 25)
        #expect(invoices.allSatisfy { $0.status == "paid" && $0.amountPaid == 2900 })
        let periods = invoices.compactMap { $0.lines.first?.period }
        #expect(zip(periods, periods.dropFirst()).allSatisfy { $0.end == $1.start })
        #expect(account.subscriptions[id]?.period == periods.last)
    }

    @Test func oneLongStepIsTheSameAsManyShortOnes() throws {
        var (long, clock, _) = try Self.world("pro_monthly", "pro_overage")
        var short = long
        try Self.advance(&long, clock, days: 200)
        for _ in 0..<200 { try Self.advance(&short, clock, days: 1) }
        let bills = [long, short].map { account in
            account.invoices.all.map { [$0.total, $0.amountPaid, $0.created, $0.paidAt ?? 0] }
        }
        #expect(bills[0] == bills[1] && bills[0].count == 7)
    }

    /// However plans, quantities, cards and time change: what is billed is what is due, paid by card or by
    /// credit, and no credit comes from nowhere.
    @Test(arguments: 0..<40)
    func everyAmountIsAccountedFor(seed: UInt64) throws {
        var random = SeededRandom(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        var (account, clock, id) = try Self.world("starter_monthly")
        for _ in 0..<60 {
            guard let subscription = account.subscriptions[id], subscription.isAlive else { break }
            switch random.below(5) {
            case 0: try Self.advance(&account, clock, days: 1 + random.below(20))
            case 1:
                let card: StripeCard = random.below(3) == 0 ? .failing() : .good()
                try account.replaceCard(of: subscription.customer, with: card)
            default:
                let item = subscription.items[0]
                _ = try account.updateSubscription(
                    id,
                    Self.form([
                        "items[0][id]": item.id, "items[0][quantity]": String(1 + random.below(9)),
                        "items[0][price]": ["price_starter_monthly", "price_pro_monthly"][random.below(2)],
                        "proration_behavior": ["create_prorations", "always_invoice"][random.below(2)],
                    ]))
            }
        }
        let invoices = account.invoices.all.filter { $0.status != "draft" }
        #expect(!invoices.isEmpty)
        for invoice in invoices {
            #expect(invoice.total == invoice.amountDue + invoice.balanceUsed)
            #expect(invoice.amountPaid == (invoice.status == "paid" ? invoice.amountDue : 0))
        }
        let balance = account.customers.all.first?.balance ?? 0
        #expect(balance == invoices.reduce(0) { $0 + $1.balanceUsed } && balance <= 0)
    }

    @Test func whatFailsLeavesNothingBehind() throws {
        let (account, _, id) = try Self.world("starter_monthly")
        var changed = account
        let customer = try #require(account.subscriptions[id]).customer
        try changed.replaceCard(of: customer, with: .failing())
        let before = changed.events.count
        var attempt = changed
        #expect(throws: StripeError.self) {
            _ = try attempt.updateSubscription(
                id,
                Self.form([
                    "items[0][price]": "price_pro_monthly", "proration_behavior": "always_invoice",
                    "payment_behavior": "error_if_incomplete",
                ]))
        }
        #expect(changed.events.count == before && changed.subscriptions[id]?.items.count == 1)
    }

    @Test func eventsAreGivenOutForThirtyDays() throws {
        var account = StripeAccount(wallTime: Self.start)
        _ = try account.createCustomer(Self.form([:]))
        account.advanceWall(to: Self.start + 30 * 86_400)
        #expect(account.events.count == 1)
        account.advanceWall(to: Self.start + 30 * 86_400 + 1)
        #expect(account.events.count == 0)
    }

    @Test func anIdentifierIsRefusedForADay() throws {
        var account = StripeAccount(wallTime: Self.start)
        account.stock()
        let event = [
            "event_name": StripeAccount.overageEventName, "identifier": "one",
            "payload[stripe_customer_id]": "cus_1", "payload[value]": "7",
        ]
        _ = try account.createMeterEvent(Self.form(event))
        account.wallTime += 86_399
        #expect(throws: StripeError.self) { _ = try account.createMeterEvent(Self.form(event)) }
        // A day later nothing stops the same report from being billed twice.
        account.wallTime += 1
        _ = try account.createMeterEvent(Self.form(event))
        let period = StripePeriod(start: Self.start, end: Self.start + 2 * 86_400)
        #expect(account.usage("mtr_overage", "cus_1", period) == 14)
    }

    @Test func aChangeIsToldWithWhatWasBefore() throws {
        var account = StripeAccount(wallTime: Self.start)
        let customer = try account.createCustomer(Self.form(["name": "Ada"]))
        _ = try account.updateCustomer(customer.id, Self.form(["name": "Eve"]))
        _ = try account.updateCustomer(customer.id, Self.form(["name": "Eve"]))
        #expect(account.events.all.map(\.type) == ["customer.created", "customer.updated"])
        #expect(account.events.all.last?.previous == ["name": "Ada"])
    }
}

/// The same numbers for the same seed.
private struct SeededRandom {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
