extension StripeAccount {
    /// What meter events of overage are called.
    static let overageEventName = "llm_overage_credits"

    /// The catalogue with which the local cloud's account begins: 29 and 99 dollars a month, and for what is
    /// used beyond the second plan's credits 4 cents for each 10,000. No event tells of it.
    mutating func stock() {
        let meter = StripeMeter(
            id: "mtr_overage", created: wallTime, eventName: Self.overageEventName,
            displayName: "LLM credits beyond the plan's", formula: .sum,
            customerKey: StripeMeter.defaultCustomerKey, valueKey: StripeMeter.defaultValueKey)
        meters.put(meter)
        for (id, name) in [("starter", "Starter"), ("pro", "Pro"), ("overage", "LLM credits, Pro")] {
            products.put(StripeProduct(id: "prod_\(id)", created: wallTime, name: name))
        }
        let monthly = StripeInterval(unit: .month, count: 1)
        func price(_ key: String, _ product: String, _ amount: Int, meter: String? = nil) -> StripePrice {
            StripePrice(
                id: "price_\(key)", created: wallTime, product: "prod_\(product)", currency: "usd",
                unitAmount: amount, interval: monthly, meter: meter, lookupKey: key)
        }
        prices.put(price("starter_monthly", "starter", 2900))
        prices.put(price("pro_monthly", "pro", 9900))
        var overage = price("pro_overage", "overage", 4, meter: meter.id)
        overage.unitsTogether = 10_000
        prices.put(overage)
    }
}
