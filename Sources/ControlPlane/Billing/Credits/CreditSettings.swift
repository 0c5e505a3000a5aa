/// What concerns credits.
package struct CreditSettings: Sendable {
    package var capPercent: Int
    package var watchInterval: Duration
    /// Zero: nothing is reported.
    package var reportInterval: Duration

    package init(capPercent: Int, watchInterval: Duration, reportInterval: Duration) {
        self.capPercent = capPercent
        self.watchInterval = watchInterval
        self.reportInterval = reportInterval
    }
}
