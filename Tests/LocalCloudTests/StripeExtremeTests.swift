import Testing

@testable import LocalCloud

/// Amounts, counts and times at their ends, as a form may name them: refused, or kept at the end.
@Suite struct StripeExtremeTests {
    private static let start = 1_767_268_800

    private static func form(_ fields: [String: String]) throws -> StripeParameters {
        try StripeParameters(fields.map { (name: $0.key, value: $0.value) })
    }

    private static let numbers = [
        "9223372036854775807", "-9223372036854775808", "1000000000000001", "-1", "1e30", "NaN", "",
        "9223372036854775808", "99999999999999999999999999",
    ]

    @Test func aPriceHasAnAmountOfStripes() throws {
        var account = StripeAccount(wallTime: Self.start)
        account.stock()
        let product = try account.createProduct(Self.form(["name": "p"])).id
        func price(_ amount: String, by units: String = "1") throws -> StripePrice {
            try account.createPrice(
                Self.form([
                    "product": product, "currency": "usd", "unit_amount": amount,
                    "transform_quantity[divide_by]": units, "transform_quantity[round]": "up",
                ]))
        }
        for number in Self.numbers + ["100000000"] {
            #expect(throws: StripeError.self, "\(number)") { try price(number) }
            if number != "100000000" { #expect(throws: StripeError.self) { try price("1", by: number) } }
        }
        let dearest = try price("99999999")
        #expect(dearest.amount(.max) == .max && dearest.amount(3) == 299_999_997)
        #expect(try price("7", by: "1000000000000000").amount(.max) == 7 * 9_224)
    }

    @Test func whatAMeterCountsIsKeptAtItsEnd() throws {
        var account = StripeAccount(wallTime: Self.start)
        account.stock()
        let meter = try account.createMeter(
            Self.form([
                "display_name": "m", "event_name": "e", "default_aggregation[formula]": "sum",
            ]))
        let customer = try account.createCustomer(Self.form(["email": "a@b.example"])).id
        func report(_ value: String, _ time: String? = nil) throws {
            var fields = [
                "event_name": "e", "payload[stripe_customer_id]": customer, "payload[value]": value,
            ]
            fields["timestamp"] = time
            _ = try account.createMeterEvent(Self.form(fields))
        }
        for number in Self.numbers where number != "-1" {
            #expect(throws: StripeError.self, "\(number)") { try report(number) }
            if !number.isEmpty { #expect(throws: StripeError.self) { try report("1", number) } }
        }
        for _ in 0..<10_000 { try report("1000000000000000") }
        let period = StripePeriod(start: Self.start, end: Self.start + 60)
        #expect(account.usage(meter.id, customer, period) == .max)
    }

    @Test func aClockGoesNoFurtherThanOneCallCanDo() throws {
        var account = StripeAccount(wallTime: Self.start)
        account.stock()
        for number in Self.numbers {
            #expect(throws: StripeError.self) {
                try account.createTestClock(Self.form(["frozen_time": number]))
            }
        }
        let clock = try account.createTestClock(Self.form(["frozen_time": "\(Self.start)"])).id
        for time in [Int.max, .min, Self.start, 32_503_680_000] {
            #expect(throws: StripeError.self) { try account.advanceTestClock(clock, to: time) }
        }
        _ = try account.advanceTestClock(clock, to: Self.start + 86_400)
        #expect(account.now(clock) == Self.start + 86_400)
    }

    @Test func sumsOfInvoicesAreKeptAtTheirEnds() {
        let line = StripeInvoiceLine(
            id: "l", amount: .max, text: "", price: "p", quantity: 1,
            period: StripePeriod(start: 0, end: 1), subscriptionItem: "s")
        var gone = line
        gone.amount = .min
        var invoice = StripeInvoice(
            id: "i", created: 0, customer: "c", subscription: "s", currency: "usd", reason: "r",
            period: line.period, lines: [line, line])
        invoice.balanceUsed = .min
        #expect(invoice.total == .max && invoice.amountDue == .max)
        invoice.lines = [gone, gone]
        #expect(invoice.total == .min)
        #expect(CheckoutPage.money(.min, "usd") == "-92233720368547758.08 USD")
    }

    @Test(arguments: ["nan", "inf", "-inf", "1e400", "-5", "1e19", "x"])
    func aSimulatedShellSleepsNoLongerThanItsScript(argument: String) async {
        let script = ShellScript(text: "sleep \(argument)\necho done", timeout: .milliseconds(20))
        let result = await SimulatedShell.run(script)
        let isLong = ["inf", "1e19", "1e400"].contains(argument)
        #expect(result.ending == (isLong ? .timedOut : .exited), "\(argument)")
    }
}
