import FoundationEssentials
import Postgres

/// A share of the month's grant or of its cap was reached: said once a month.
struct CreditAlert: Sendable, Encodable {
    enum Kind: String, Sendable, CaseIterable, Encodable {
        case grant80 = "grant_80"
        case grant100 = "grant_100"
        case cap80 = "cap_80"
        case cap100 = "cap_100"

        var percent: Int { self == .grant80 || self == .cap80 ? 80 : 100 }
        var isOfCap: Bool { self == .cap80 || self == .cap100 }
    }

    var kind: Kind
    var at: Date
    /// Credits, when it was reached.
    var used: Int
    var limit: Int
}
