import ArgumentParser
import Foundation

struct UsagePrices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Show and set the prices of tokens, by model and start.",
        subcommands: [ListUsagePrices.self, SetUsagePrice.self])
}

/// A price, as the control plane tells of it. In millicredits: a credit is 1,000.
private struct UsagePrice: Decodable {
    var provider: String
    var model: String
    var validFrom: Timestamp
    var input: Int
    var output: Int
    var cached: Int
    var reasoning: Int

    enum CodingKeys: String, CodingKey {
        case provider, model
        case validFrom = "valid_from"
        case input = "input_millicredits"
        case output = "output_millicredits"
        case cached = "cached_millicredits"
        case reasoning = "reasoning_millicredits"
    }

    var cells: [String] {
        [provider, model, validFrom.text] + [input, output, cached, reasoning].map { "\($0)" }
    }
}

struct ListUsagePrices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List every version, in millicredits a token (a credit is 1,000).")

    @OptionGroup var server: ServerOptions

    private struct List: Decodable { var prices: [UsagePrice] }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/usage/prices")
        if server.json { return sayJSON(data) }
        let prices = try decode(List.self, from: data).prices
        let head = ["PROVIDER", "MODEL", "VALID FROM", "INPUT", "OUTPUT", "CACHED", "REASONING"]
        table([head] + prices.map(\.cells)).forEach(say)
    }
}

struct SetUsagePrice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set the price of a model's tokens from a moment on; the past keeps its prices.",
        discussion: """
            Millicredits a token: 1000 is one credit. The price of a named model goes before that of *, \
            which stands for every model of the provider (quote it in a shell). Events that wait in \
            quarantine for a price are counted by \
            `cpctl usage set-aside release --reason unknown_model --apply`.
            """)

    @Argument(help: "As events name it, for example anthropic.")
    var provider: String
    @Argument(help: "As events name it, or * for all.")
    var model: String
    @Option(help: "Price of an input token.")
    var input: Int
    @Option(help: "Price of an output token.")
    var output: Int
    @Option(help: "Price of an input token from the provider's cache; --input by default.")
    var cached: Int?
    @Option(help: "Price of a reasoning token; --output by default.")
    var reasoning: Int?
    @Option(help: "Start, for example 2026-12-01T00:00:00Z; as early as possible by default.")
    var from: String?
    @Flag(help: "Apply it. Without this the command only shows what it would do.")
    var apply = false
    @OptionGroup var server: ServerOptions

    private struct Order: Encodable {
        var provider: String
        var model: String
        var validFrom: String?
        var input: Int
        var output: Int
        var cached: Int
        var reasoning: Int

        typealias CodingKeys = UsagePrice.CodingKeys
    }

    func run() async throws {
        let order = Order(
            provider: provider, model: model, validFrom: from, input: input, output: output,
            cached: cached ?? input, reasoning: reasoning ?? output)
        guard apply else {
            say(
                "A token of \(provider) \(model) would cost \(order.input) in, \(order.output) out, "
                    + "\(order.cached) cached, \(order.reasoning) of reasoning, in millicredits, from "
                    + "\(from ?? "as early as possible") on.")
            return say("Nothing was changed, and a price cannot be taken back. --apply sets it.")
        }
        let data = try await server.connect().call("POST", "/cp/admin/usage/prices", body: order)
        if server.json { return sayJSON(data) }
        let price = try decode(UsagePrice.self, from: data)
        say("Valid from \(price.validFrom.text) on. Every replica uses it within a minute.")
    }
}
