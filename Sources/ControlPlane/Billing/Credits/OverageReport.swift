import AdminProtocol
import FoundationEssentials
import Postgres
import Providers

/// Overage as Stripe is told of it: one meter event, whose identifier is the row's id. The row is committed
/// before anything is sent, and never changes what it says.
package struct OverageReport: Sendable {
    package enum State: String, Sendable, CaseIterable, Encodable {
        /// Stripe certainly has not got it.
        case pending
        /// It may have: an attempt began whose outcome is not known.
        case unknown
        /// Stripe answered that it has.
        case sent
        /// And its sums show it.
        case confirmed
        /// Its sums show it, after an outcome that was not known.
        case reconciled

        /// Whether the next one waits for it.
        var isOpen: Bool { self == .pending || self == .unknown }
    }

    /// Of the meter, and of its events.
    static let eventName = "llm_overage_credits"

    package var id: UUID
    package var org: UUID
    package var month: Month
    package var customer: String
    package var credits: Int
    var eventAt: Date
    package var state: State
    package var attempts: Int
    /// When the first attempt began that may have had an effect.
    var unknownSince: Date?

    package var event: StripeClient.MeterEvent {
        .init(
            name: Self.eventName, identifier: id.text, customer: customer, value: credits,
            timestamp: eventAt.wholeSeconds)
    }

    /// Another one for each attempt: Stripe repeats the answer that it gave under a key, also when that was a
    /// failure of its own. That the event counts once is what its identifier is for.
    package var idempotencyKey: String { "overage-\(id.text)-\(attempts)" }
}

extension OverageReport {
    static let columns: SQL =
        """
        id, org_id, period::text AS period, customer_id, credits, event_at, state, attempts, unknown_since
        """

    package init(_ row: Row) throws {
        id = try row["id"]
        org = try row["org_id"]
        guard let month = Month(try row["period", as: String.self]) else {
            throw AppError(.internalError, "unknown_month", "The column period holds no month.")
        }
        self.month = month
        customer = try row["customer_id"]
        credits = try row["credits"]
        eventAt = try row["event_at"]
        state = try row.decode("state", as: State.self)
        attempts = try row["attempts"]
        unknownSince = try row["unknown_since"]
    }
}
