import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/usage/prices`
struct PriceRoutes: Sendable {
    let platform: Platform

    private struct View: Encodable {
        var provider: String
        var model: String
        var validFrom: Date
        var input: Int
        var output: Int
        var cached: Int
        var reasoning: Int

        init(_ price: ModelPrice) {
            (provider, model, validFrom) = (price.provider, price.model, price.validFrom)
            (input, output) = (price.rates.input, price.rates.output)
            (cached, reasoning) = (price.rates.cached, price.rates.reasoning)
        }

        typealias CodingKeys = Order.CodingKeys
    }

    /// `GET .../prices`: every version of every price.
    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let prices = try await ModelPriceStore(database: platform.quickReads.database).all()
        return try Response.json(["prices": prices.map(View.init)])
    }

    struct Order: RequestFields {
        var provider: String
        var model: String
        /// RFC 3339; nil: as soon as it can be.
        var validFrom: String?
        var input: Int
        var output: Int
        var cached: Int
        var reasoning: Int

        enum CodingKeys: String, CodingKey, CaseIterable {
            case provider, model
            case validFrom = "valid_from"
            case input = "input_millicredits"
            case output = "output_millicredits"
            case cached = "cached_millicredits"
            case reasoning = "reasoning_millicredits"
        }
    }

    /// `POST .../prices`: one more version. The past keeps its prices.
    func set(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        try Self.check(order)
        let wanted = try order.validFrom.map { try Self.time($0) }
        let price = try await platform.database.transaction { transaction in
            let store = ModelPriceStore(database: transaction)
            try await store.lock()
            let price = ModelPrice(
                provider: order.provider, model: order.model,
                validFrom: try PriceStart(PriceBook(try await store.all()), now: .now)
                    .date(of: order.provider, order.model, wanted: wanted),
                rates: TokenCounts(
                    input: order.input, output: order.output, cached: order.cached,
                    reasoning: order.reasoning))
            try await store.add(price, by: context.origin.name)
            try await AuditLog(database: transaction).record(Self.event(price), by: context.origin)
            return price
        }
        return try Response.json(View(price), status: .created)
    }

    private static func check(_ order: Order) throws {
        for (field, name) in [("provider", order.provider), ("model", order.model)]
        where !UsageField.isName(name.utf8) && !(field == "model" && name == ModelPrice.anyModel) {
            throw AppError.invalidField(
                field,
                "The field \"\(field)\" has 1 to \(UsageField.maximumNameBytes) letters, digits or any of "
                    + "._:/@+-; as a model, \"*\" stands for every model of the provider.")
        }
        let rates = [
            ("input", order.input), ("output", order.output), ("cached", order.cached),
            ("reasoning", order.reasoning),
        ]
        for (kind, rate) in rates where !ModelPrice.limits.contains(rate) {
            throw AppError.invalidField(
                "\(kind)_millicredits",
                "A token costs 0 to \(ModelPrice.limits.upperBound) millicredits; a credit is 1,000.")
        }
    }

    private static func time(_ text: String) throws -> Date {
        var text = text
        guard let microseconds = text.withUTF8({ RFC3339.microseconds($0) }) else {
            throw AppError.invalidField(
                "valid_from", "The field \"valid_from\" is a time as 2026-12-01T00:00:00Z.")
        }
        return Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
    }

    private static func event(_ price: ModelPrice) -> AuditEvent {
        AuditEvent(
            action: "model_price.set", subject: "\(price.provider) \(price.model)",
            after: [
                "valid_from": .string(price.validFrom.formatted(.iso8601)),
                "input": .integer(price.rates.input), "output": .integer(price.rates.output),
                "cached": .integer(price.rates.cached), "reasoning": .integer(price.rates.reasoning),
            ])
    }
}
