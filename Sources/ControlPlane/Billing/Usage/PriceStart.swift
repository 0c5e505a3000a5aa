import AdminProtocol
import FoundationEssentials

/// From when on a new price may be valid, so that no event that has counted would cost something else.
///
/// Where a price covers the model already, events up to five minutes ahead of now may have counted by it, and
/// replicas know of a new one within a minute: it begins ten minutes from now at the earliest. Where none
/// does, nothing can have counted, and it may begin in the past, for what was set aside.
package struct PriceStart: Sendable {
    package static let notice: TimeInterval = 600
    /// How far it may lie ahead: a year.
    static let maximumAhead: TimeInterval = 366 * 86_400

    package let prices: PriceBook
    package let now: Date

    package init(_ prices: PriceBook, now: Date) {
        self.prices = prices
        self.now = now
    }

    /// - Parameter wanted: nil: as early as it can be.
    /// - Throws: `price_too_early` (422), which names the earliest time.
    package func date(of provider: String, _ model: String, wanted: Date?) throws -> Date {
        let earliest = earliest(provider, model)
        let date =
            wanted ?? max(earliest, now.addingTimeInterval(-Double(UsageJudgement.maximumAge / 1_000_000)))
        guard date >= earliest else {
            throw AppError(
                .unprocessable, "price_too_early",
                "Events have counted by the price before. The earliest start of another is in ten minutes.",
                members: ["earliest": earliest.formatted(.iso8601)])
        }
        guard date <= now.addingTimeInterval(Self.maximumAhead) else {
            throw AppError.invalidField("valid_from", "A price begins within a year.")
        }
        return date
    }

    private func earliest(_ provider: String, _ model: String) -> Date {
        let soon = now.addingTimeInterval(Self.notice)
        let isCovered =
            prices.price(provider, model, at: Int(soon.timeIntervalSince1970 * 1_000_000)) != nil
            // One for every model of a provider may cover models that no row names.
            || (model == ModelPrice.anyModel && prices.hasAny(provider))
        return isCovered ? soon : .distantPast
    }
}
