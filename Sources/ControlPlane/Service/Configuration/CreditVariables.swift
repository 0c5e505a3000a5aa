import Billing

extension Variable {
    static let overageCapPercent = Variable(
        name: "OVERAGE_CAP_PERCENT",
        meaning: "overage that a plan with overage allows in a month where the customer has set no cap, in "
            + "percent of the plan's monthly credits", fallback: "100")
    static let creditWatch = Variable(
        name: "CREDIT_WATCH_SECONDS",
        meaning: "how often organisations whose use has changed are looked at for alerts, and for what their "
            + "tenants are told", fallback: "5")
    static let overageReport = Variable(
        name: "OVERAGE_REPORT_SECONDS",
        meaning: "how often overage is reported to Stripe, for an organisation; 0: never",
        fallback: "3600")

    static let credits = [overageCapPercent, creditWatch, overageReport]
}

extension CreditSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            capPercent: reader.integer(.overageCapPercent, in: CreditRules.capPercents),
            watchInterval: reader.seconds(.creditWatch, in: 1...3_600),
            reportInterval: reader.seconds(.overageReport, in: 0...86_400))
    }
}
