import AdminProtocol
import FoundationEssentials
import Postgres

/// The rows of `model_prices`. They can only be added.
package struct ModelPriceStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func all() async throws -> [ModelPrice] {
        try await database.query(
            """
            SELECT provider, model, valid_from, input_millicredits, output_millicredits,
                cached_millicredits, reasoning_millicredits
            FROM model_prices ORDER BY provider, model, valid_from DESC
            """
        ).map { row in
            ModelPrice(
                provider: try row["provider"], model: try row["model"], validFrom: try row["valid_from"],
                rates: TokenCounts(
                    input: try row["input_millicredits"], output: try row["output_millicredits"],
                    cached: try row["cached_millicredits"], reasoning: try row["reasoning_millicredits"]))
        }
    }
}

extension ModelPriceStore {
    /// Prices are set one after another: each is judged by those before it.
    package func lock() async throws {
        try await database.execute("LOCK TABLE model_prices IN SHARE ROW EXCLUSIVE MODE")
    }

    /// - Throws: `price_exists` (409) for the same start twice.
    package func add(_ price: ModelPrice, by name: String) async throws {
        let rows = try await database.execute(
            """
            INSERT INTO model_prices (provider, model, valid_from, input_millicredits, output_millicredits,
                cached_millicredits, reasoning_millicredits, created_by)
            VALUES (\(price.provider), \(price.model), \(price.validFrom), \(price.rates.input),
                \(price.rates.output), \(price.rates.cached), \(price.rates.reasoning), \(name))
            ON CONFLICT DO NOTHING
            """)
        guard rows == 1 else {
            throw AppError(
                .conflict, "price_exists", "A price of that model begins at that moment already.")
        }
    }
}

/// The prices as a replica knows them, read again when they are older than the caller accepts. A new price is
/// valid in ten minutes at the earliest where there was one (`PriceRoutes`), so that no replica counts an
/// event by an old one.
package actor ModelPriceCache {
    /// Of what ordinary batches are judged by.
    package static let maximumAge: Duration = .seconds(60)

    private let database: PostgresPool
    private var known: (book: PriceBook, since: ContinuousClock.Instant)?

    package init(database: PostgresPool) { self.database = database }

    func book(atMost age: Duration = maximumAge) async throws -> PriceBook {
        if let known, ContinuousClock.now - known.since < age { return known.book }
        let begin = ContinuousClock.now
        let book = PriceBook(try await ModelPriceStore(database: database).all())
        known = (book, begin)
        return book
    }
}
