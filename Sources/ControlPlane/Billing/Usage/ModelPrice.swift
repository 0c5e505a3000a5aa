import FoundationEssentials

/// What a token of a model costs, from when on.
package struct ModelPrice: Sendable, Equatable {
    /// Of each kind of token, in millicredits.
    package static let limits = 0...100_000
    /// Stands for every model of a provider.
    package static let anyModel = "*"

    package var provider: String
    package var model: String
    package var validFrom: Date
    /// Millicredits a token.
    package var rates: TokenCounts

    package init(provider: String, model: String, validFrom: Date, rates: TokenCounts) {
        self.provider = provider
        self.model = model
        self.validFrom = validFrom
        self.rates = rates
    }

    /// In millicredits. Counts of at most 10^9 and rates of at most 10^5 stay far below an Int's end.
    package func cost(of tokens: TokenCounts) -> Int {
        tokens.input * rates.input + tokens.output * rates.output + tokens.cached * rates.cached
            + tokens.reasoning * rates.reasoning
    }
}

/// Every price that was ever set, to be looked up by model and time.
package struct PriceBook: Sendable {
    /// By provider and model, the latest first.
    private var prices: [String: [String: [(validFrom: Int, price: ModelPrice)]]] = [:]

    package init(_ all: [ModelPrice]) {
        for price in all.sorted(by: { $0.validFrom > $1.validFrom }) {
            let microseconds = Int((price.validFrom.timeIntervalSince1970 * 1_000_000).rounded())
            prices[price.provider, default: [:]][price.model, default: []].append((microseconds, price))
        }
    }

    /// Whether any model of the provider ever had a price.
    func hasAny(_ provider: String) -> Bool { prices[provider] != nil }

    /// The model's own price where one is valid, else that of any model of the provider.
    /// - Parameter time: microseconds since 1970.
    package func price(_ provider: String, _ model: String, at time: Int) -> ModelPrice? {
        guard let models = prices[provider] else { return nil }
        for name in [model, ModelPrice.anyModel] {
            if let found = models[name]?.first(where: { $0.validFrom <= time }) { return found.price }
        }
        return nil
    }
}
