import ArgumentParser
import Foundation

struct ListSubscriptions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscriptions", abstract: "List organisations with their subscriptions.")

    @OptionGroup var server: ServerOptions

    private static let page = 500

    private struct Subscription: Decodable {
        var slug: String
        var plan: String
        var billingStatus: String
        var subscription: String?
        var subscriptionStatus: String?
        var problem: String?

        enum CodingKeys: String, CodingKey {
            case slug, plan, subscription, problem
            case billingStatus = "billing_status"
            case subscriptionStatus = "subscription_status"
        }
    }

    private struct Page: Decodable { var subscriptions: [Subscription] }

    func run() async throws {
        let api = try server.connect()
        var all: [Subscription] = []
        while true {
            let path = "/cp/admin/billing/subscriptions?limit=\(Self.page)&offset=\(all.count)"
            let data = try await api.call("GET", path)
            let page = try decode(Page.self, from: data).subscriptions
            if server.json { sayJSON(data) }
            all += page
            guard page.count == Self.page else { break }
        }
        guard !server.json else { return }
        let rows = all.map {
            [
                $0.slug, $0.plan, $0.billingStatus, $0.subscriptionStatus ?? "-", $0.subscription ?? "-",
                $0.problem ?? "",
            ]
        }
        table([["SLUG", "PLAN", "BILLING", "AT STRIPE", "SUBSCRIPTION", "PROBLEM"]] + rows).forEach(say)
    }
}

struct SyncBilling: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Sync with Stripe: one organisation, or all whose subscriptions differ.")

    @Argument(help: "One organisation; without it all are compared.")
    var slug: String?
    @OptionGroup var server: ServerOptions

    private struct Comparison: Decodable {
        var subscriptions: Int
        var differing: Int
        var strangers: Int
    }

    func run() async throws {
        let api = try server.connect()
        if let slug {
            let path = "/cp/admin/orgs/\(escaped(slug))/billing/sync"
            let data = try await api.call("POST", path, body: [String: String]())
            if server.json { return sayJSON(data) }
            return say("A sync is requested. Its result: cpctl billing why \(slug)")
        }
        let data = try await api.call("POST", "/cp/admin/billing/sync", body: [String: String]())
        if server.json { return sayJSON(data) }
        let found = try decode(Comparison.self, from: data)
        say("\(found.subscriptions) subscriptions at Stripe, \(found.differing) differ from the rows here.")
        if found.differing > 0 { say("A sync is requested for each: cpctl billing subscriptions") }
        if found.strangers > 0 {
            say("\(found.strangers) belong to no organisation of this platform: see Stripe's dashboard.")
        }
    }
}

struct WhyBilling: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Show why an organisation is billed as it is.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    private struct Answer: Decodable {
        struct Standing: Decodable {
            struct Subscription: Decodable {
                var id: String
                var status: String
            }
            var plan: String
            var status: String
            var billingStatus: String
            var graceEndsAt: String?
            var subscription: Subscription?

            enum CodingKeys: String, CodingKey {
                case plan, status, subscription
                case billingStatus = "billing_status"
                case graceEndsAt = "grace_ends_at"
            }
        }
        struct Event: Decodable {
            var type: String
            var outcome: String
            var at: String
        }
        var billing: Standing
        var customer: String?
        var surplus: Int
        var problem: String?
        var syncedAt: String?
        var nextLookAt: String?
        var pending: Int
        var events: [Event]

        enum CodingKeys: String, CodingKey {
            case billing, customer, surplus, problem, pending, events
            case syncedAt = "synced_at"
            case nextLookAt = "next_look_at"
        }
    }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/orgs/\(escaped(slug))/billing")
        if server.json { return sayJSON(data) }
        let answer = try decode(Answer.self, from: data)
        let subscription = answer.billing.subscription.map { "\($0.id), \($0.status)" }
        table([
            ["plan", answer.billing.plan], ["organisation", answer.billing.status],
            ["billing", answer.billing.billingStatus], ["grace ends", answer.billing.graceEndsAt ?? "-"],
            ["customer", answer.customer ?? "-"], ["subscription", subscription ?? "-"],
            ["last sync", answer.syncedAt ?? "-"], ["next sync", answer.nextLookAt ?? "-"],
            ["syncs pending", "\(answer.pending)"],
        ]).forEach(say)
        if answer.surplus > 0 {
            say("\(answer.surplus) more subscriptions go on: cancel and refund them in Stripe's dashboard.")
        }
        if let problem = answer.problem { say("Problem: \(problem)") }
        guard !answer.events.isEmpty else { return }
        let rows = answer.events.map { [$0.at, $0.type, $0.outcome] }
        table([["RECEIVED", "EVENT", "OUTCOME"]] + rows).forEach(say)
    }
}
