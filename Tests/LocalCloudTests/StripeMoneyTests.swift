import Testing

@testable import LocalCloud

/// Amounts and periods against plain models.
@Suite struct StripeMoneyTests {
    @Test func aProrationIsTheNearestWholeAmount() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let whole = Int.random(in: 1...31_622_400, using: &generator)
            let period = StripePeriod(start: 1_700_000_000, end: 1_700_000_000 + whole)
            let amount = Int.random(in: -100_000_000_000...100_000_000_000, using: &generator)
            let time = Int.random(in: period.start...period.end, using: &generator)
            let part = Proration.amount(amount, of: period, from: time)
            let exact = Int128(amount) * Int128(period.end - time)
            let distance = exact - Int128(part) * Int128(whole)
            #expect(2 * distance.magnitude <= Int128(whole).magnitude, "\(amount) \(whole) \(time)")
            #expect(Proration.amount(-amount, of: period, from: time) == -part)
        }
    }

    @Test(arguments: [
        (-1, 9900), (0, 9900), (1_296_000, 4950), (2_591_999, 0), (2_592_000, 0), (3_000_000, 0),
    ])
    func aProrationIsBoundByItsPeriod(after: Int, amount: Int) {
        let period = StripePeriod(start: 0, end: 2_592_000)
        #expect(Proration.amount(9900, of: period, from: after) == amount)
    }

    /// Unix seconds of noon: 2028-01-31, 02-29, 03-31, 04-30, 05-31.
    @Test func aMonthEndsOnTheDayOnWhichItBegan() {
        let anchor = 1_832_932_800
        let ends = [1_835_438_400, 1_838_116_800, 1_840_708_800, 1_843_387_200]
        let month = StripeInterval(unit: .month, count: 1)
        var start = anchor
        for end in ends {
            let period = month.period(from: start, anchor: anchor)
            #expect(period == StripePeriod(start: start, end: end))
            start = period.end
        }
        let year = StripeInterval(unit: .year, count: 1).period(from: anchor, anchor: anchor)
        #expect(year.end - year.start == 366 * 86_400)
        let weeks = StripeInterval(unit: .week, count: 2).period(from: anchor, anchor: anchor)
        #expect(weeks.end - weeks.start == 14 * 86_400)
    }

    @Test func unitsThatArePaidTogetherAreRounded() {
        var price = StripePrice(
            id: "price_1", created: 0, product: "prod_1", currency: "usd", unitAmount: 4,
            interval: StripeInterval(unit: .month, count: 1), meter: "mtr_1", unitsTogether: 10_000)
        #expect([0, 1, 10_000, 10_001].map(price.amount) == [0, 4, 4, 8])
        price.rounding = .down
        #expect([0, 9999, 10_000, 19_999].map(price.amount) == [0, 0, 4, 4])
    }
}
