import FoundationEssentials
import Postgres

/// A share of the month's grant or of its cap was reached: said once a month.
package struct CreditAlert: Sendable, Encodable {
    package enum Kind: String, Sendable, CaseIterable, Encodable {
        case grant80 = "grant_80"
        case grant100 = "grant_100"
        case cap80 = "cap_80"
        case cap100 = "cap_100"

        package var percent: Int { self == .grant80 || self == .cap80 ? 80 : 100 }
        var isOfCap: Bool { self == .cap80 || self == .cap100 }
    }

    package var kind: Kind
    package var at: Date
    /// Credits, when it was reached.
    package var used: Int
    package var limit: Int
}
