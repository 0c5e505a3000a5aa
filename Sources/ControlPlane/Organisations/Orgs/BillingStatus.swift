/// Whether an organisation is paid for, in the words that its members and its tenant see.
package enum BillingStatus: String, Sendable, Encodable, CaseIterable {
    /// It has no subscription, and needs none.
    case none
    /// Paid, or on trial.
    case active
    /// A payment failed: it works on until its grace ends.
    case pastDue = "past_due"
    /// Its grace has ended.
    case unpaid
    /// Its subscription has ended.
    case canceled
}
