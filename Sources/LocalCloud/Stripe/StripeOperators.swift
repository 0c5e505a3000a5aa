#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What an operator of the local cloud can see and do behind its callers' backs, under
/// `/_localcloud/stripe/`:
///
/// - `GET deliveries`: every event on its way, with its attempts; `POST deliveries` tries all of them now.
/// - `POST events/:id/resend`: sends an event once more.
/// - `GET permissions`: what the restricted key's calls needed.
/// - `PUT customers/:id` `{"card":"good|failing|none"}`.
/// - `POST checkout/:id` `{"action":"pay|decline|cancel"}`: the page's buttons without the page.
/// - `PUT clocks/:id` `{"frozen_time":...}`: lets time pass on a test clock.
/// - `PUT endpoints/:id` `{"url":...,"secrets":[...]}`: secrets newest first, each of which signs.
/// - `PUT dunning` `{"retry_days":[3,5,7],"end":"unpaid|canceled|past_due"}`.
extension StripeService {
    /// - Parameter parts: the path below, split.
    func operate(_ method: String, _ parts: [String], _ body: [UInt8]) -> HTTPAnswer {
        let body = body.isEmpty ? [:] : JSONValue(parsing: body) ?? .null
        guard body.object != nil else { return .text(400, "not a JSON object\n") }
        var changed = account
        do {
            let answer = try operate(&changed, method, parts, body)
            account = changed
            return answer
        } catch let error as StripeError {
            return .json(error.status, ["error": .string(error.message)])
        } catch {
            return .json(400, ["error": .string("\(error)")])
        }
    }

    private func operate(
        _ account: inout StripeAccount, _ method: String, _ parts: [String], _ body: JSONValue
    ) throws -> HTTPAnswer {
        switch (method, parts.first ?? "", parts.count) {
        case ("GET", "deliveries", 1):
            return .json(200, ["deliveries": .array(account.deliveries.all.map(\.description))])
        case ("POST", "deliveries", 1):
            account.deliveries.hurry(at: account.wallTime)
            return .empty(204)
        case ("GET", "permissions", 1): return .json(200, neededPermissions)
        case ("PUT", "customers", 2): try setCard(&account, parts[1], body)
        case ("POST", "checkout", 2): return try decide(&account, parts[1], body)
        case ("PUT", "clocks", 2):
            guard let time = body["frozen_time"]?.integer else { throw StripeError.missing("frozen_time") }
            _ = try account.advanceTestClock(parts[1], to: time)
        case ("POST", "events", 3) where parts[2] == "resend": try resend(&account, parts[1])
        case ("PUT", "endpoints", 2):
            var endpoint = try account.endpoints.find(parts[1])
            if let secrets = body["secrets"]?.strings { endpoint.secrets = secrets }
            if let url = body["url"]?.string { endpoint.url = url }
            account.endpoints.put(endpoint)
        case ("PUT", "dunning", 1):
            account.dunning = try JSONDecoder().decode(DunningSchedule.self, from: Data(body.bytes))
            guard account.dunning.retryDays.allSatisfy({ (1...60).contains($0) }) else {
                throw StripeError.invalid("retry_days", "retry_days are 1 to 60 days each")
            }
        default: return .empty(404)
        }
        return .empty(204)
    }

    private func setCard(_ account: inout StripeAccount, _ id: String, _ body: JSONValue) throws {
        switch body["card"]?.string {
        case "good": try account.replaceCard(of: id, with: .good())
        case "failing": try account.replaceCard(of: id, with: .failing())
        case "none":
            var customer = try account.livingCustomer(id)
            customer.card = nil
            account.save(customer, \.customers, "customer.updated")
        default: throw StripeError.invalid("card", "card is good, failing or none")
        }
    }

    private func decide(_ account: inout StripeAccount, _ id: String, _ body: JSONValue) throws -> HTTPAnswer
    {
        let session = try account.sessions.find(id)
        switch body["action"]?.string {
        case "pay":
            let paid = try account.payCheckoutSession(id, with: .good())
            return .json(
                200, ["url": .string(paid.successPage), "subscription": .text(paid.subscription)])
        case "decline": throw StripeError.declined
        case "cancel": return .json(200, ["url": .text(session.cancelURL)])
        default: throw StripeError.invalid("action", "action is pay, decline or cancel")
        }
    }

    private func resend(_ account: inout StripeAccount, _ id: String) throws {
        let event = try account.events.find(id)
        account.deliveries.add(
            event, to: account.endpoints.all.filter { $0.takes(event.type) }, at: account.wallTime)
    }

    /// What the restricted key's calls needed: resource to access.
    private var neededPermissions: JSONValue {
        let most = needed.reduce(into: [String: StripePermissions.Access]()) {
            $0[$1.resource] = max($0[$1.resource] ?? .read, $1.access)
        }
        return ["needed": .object(most.mapValues { .string($0.rawValue) })]
    }
}
