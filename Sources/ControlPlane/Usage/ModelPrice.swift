import Arithmetic
import FoundationEssentials

/// What a token of a model costs, from when on.
struct ModelPrice: Sendable, Equatable {
    /// Of each kind of token, in millicredits.
    static let limits = 0...100_000
    /// Stands for every model of a provider.
    static let anyModel = "*"

    var provider: String
    var model: String
    var validFrom: Date
    /// Millicredits a token.
    var rates: TokenCounts

    /// In millicredits: at most 4 * 10^14 of an event that counts.
    func cost(of tokens: TokenCounts) -> Int {
        zip(tokens.all, rates.all).map { $0 *| $1 }.saturatedSum
    }
}

/// Every price that was ever set, to be looked up by model and time.
struct PriceBook: Sendable {
    /// By provider and model, the latest first.
    private var prices: [String: [String: [(validFrom: Int, price: ModelPrice)]]] = [:]

    init(_ all: [ModelPrice]) {
        for price in all.sorted(by: { $0.validFrom > $1.validFrom }) {
            prices[price.provider, default: [:]][price.model, default: []]
                .append((price.validFrom.microseconds, price))
        }
    }

    /// Whether any model of the provider ever had a price.
    func hasAny(_ provider: String) -> Bool { prices[provider] != nil }

    /// The model's own price where one is valid, else that of any model of the provider.
    /// - Parameter time: microseconds since 1970.
    func price(_ provider: String, _ model: String, at time: Int) -> ModelPrice? {
        guard let models = prices[provider] else { return nil }
        for name in [model, ModelPrice.anyModel] {
            if let found = models[name]?.first(where: { $0.validFrom <= time }) { return found.price }
        }
        return nil
    }
}
