/// When the reconciler runs, and how much a run may delete.
package struct ReconcilerSettings: Sendable {
    /// Between two runs; zero: only when a person asks.
    package var interval: Duration
    /// What a run by the timer does.
    package var mode: Reconciler.Mode
    /// From an orphan's quarantine to its deletion.
    package var grace: Duration
    /// Of what it sees, a run deletes at most this share in percent, or `floor` things.
    package var sharePercent: Int
    package var floor: Int

    package init(interval: Duration, mode: Reconciler.Mode, grace: Duration, sharePercent: Int, floor: Int) {
        self.interval = interval
        self.mode = mode
        self.grace = grace
        self.sharePercent = sharePercent
        self.floor = floor
    }
}
