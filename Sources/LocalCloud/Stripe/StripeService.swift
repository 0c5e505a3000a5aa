import Digests
import Logging

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Stripe's API as far as subscriptions, their invoices and metered usage need it, with its hosted pages:
/// one account, in memory, in test mode. There are no trials, taxes, discounts, tiers or credit notes, and a
/// subscription keeps its interval; a parameter of theirs is refused as unknown.
actor StripeService {
    private let keys: StripeKeys
    private let gate: CallGate
    var account: StripeAccount
    private var idempotency = IdempotencyRecords()
    private var callNumber = 0
    /// When it was last looked what is due on the wall.
    private var looked = 0
    /// What restricted calls needed so far.
    private(set) var needed: Set<StripePermissions.Need> = []
    /// Before the path of an endpoint that names no host.
    private var front = ""

    init(_ settings: Settings.StripeSettings, gate: CallGate) {
        keys = settings.keys
        self.gate = gate
        account = StripeAccount(wallTime: Int(Date().timeIntervalSince1970))
        account.stock()
        guard let target = settings.webhook else { return }
        account.endpoints.put(
            StripeWebhookEndpoint(
                id: "we_platform", created: account.wallTime, url: target.url, types: ["*"],
                secrets: target.secrets))
    }

    /// Its own address, as its pages' links say it.
    func setURL(_ url: String) { account.url = url }

    func setFront(_ url: String) { front = url }

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        guard call.path.hasPrefix(StripeRoute.prefix) else { return page(call) }
        callNumber += 1
        let number = callNumber
        let route = StripeRoute(call.method, call.path)
        let key = call.method == "POST" ? call.header("idempotency-key") : nil
        if let key { idempotency.hold(key, by: number) }
        var answer = await gate.answer(
            call, service: "stripe", operation: route?.operation.rawValue ?? "unknown",
            refusals: Self.refusals
        ) { await perform(call, route, key, number) }
        if let key {
            idempotency.release(key, by: number)
            // Where the connection ended without an answer, what was done is kept, or nothing.
            if answer.status == 500, !answer.body.isEmpty { keep(key, number, call, answer) }
        }
        answer.headers.append(("Request-Id", "req_" + ResourceID.hexadecimal(14)))
        answer.headers.append(("Stripe-Version", StripeAccount.apiVersion))
        if let key { answer.headers.append(("Idempotency-Key", key)) }
        return answer
    }

    private static let refusals = CallGate.Refusals(
        internalError: StripeError.internalError.answer, unavailable: StripeError.unavailable.answer,
        throttled: { StripeError.tooManyRequests(retryAfter: Int($0)).answer },
        noCapacity: StripeError.unavailable.answer)

    private func perform(
        _ call: HTTPCall, _ route: StripeRoute?, _ key: String?, _ number: Int
    ) async -> HTTPAnswer {
        do {
            guard let route else { throw StripeError.noRoute(call.method, call.path) }
            try keys.admit(call, route)
            if let version = call.header("stripe-version"), version != StripeAccount.apiVersion {
                throw StripeError.invalid(
                    "Stripe-Version", "The local cloud speaks \(StripeAccount.apiVersion), not \(version).")
            }
            if keys.isRestricted(call) { needed.insert(route.operation.need) }
            let form = try StripeParameters(Self.pairs(call))
            if let key {
                let claim = try idempotency.claim(key, by: number, Self.fingerprint(call), at: wallTime)
                if case .replay(let answer) = claim { return answer }
            }
            let answer = carryOut(route, form, key)
            if let key {
                keep(key, number, call, answer)
                idempotency.release(key, by: number)
            }
            return answer
        } catch let error as StripeError {
            return error.answer
        } catch {
            return StripeError.internalError.answer
        }
    }

    /// On a copy, so that what fails has changed nothing; but a card that is declined has been tried.
    private func carryOut(_ route: StripeRoute, _ form: StripeParameters, _ key: String?) -> HTTPAnswer {
        letTimePass()
        if route.operation == .createMeterEvent { return count(form) }
        var changed = account
        changed.request = StripeRequest(id: "req_" + ResourceID.hexadecimal(14), idempotencyKey: key)
        defer { account.request = nil }
        do {
            let value = try changed.perform(route, form)
            let answer = HTTPAnswer.json(200, try changed.expanded(value, form))
            account = changed
            return answer
        } catch let error as StripeError {
            if error.status == 402, route.operation == .payInvoice { account = changed }
            return error.answer
        } catch {
            return StripeError.internalError.answer
        }
    }

    /// Without a copy: it is checked as a whole before it is counted, and there may be very many.
    private func count(_ form: StripeParameters) -> HTTPAnswer {
        do {
            return .json(200, try account.createMeterEvent(form))
        } catch {
            return (error as? StripeError ?? .internalError).answer
        }
    }

    private func keep(_ key: String, _ number: Int, _ call: HTTPCall, _ answer: HTTPAnswer) {
        idempotency.keep(key, by: number, Self.fingerprint(call), answer, at: wallTime)
    }

    private static func pairs(_ call: HTTPCall) -> [(name: String, value: String)] {
        call.queryItems + FormText.parse(String(decoding: call.body, as: UTF8.self))
    }

    /// The order of the parameters does not matter.
    private static func fingerprint(_ call: HTTPCall) -> [UInt8] {
        let fields = pairs(call).map { "\($0.name)=\($0.value)" }.sorted()
        return SHA256Digest(of: ([call.method, call.path] + fields).joined(separator: "\n")).bytes
    }

    private var wallTime: Int { Int(Date().timeIntervalSince1970) }

    // MARK: Time and events

    /// Lets the wall's time pass once a second, and gives out the events that are to be sent.
    func takeDue() -> [WebhookParcel] {
        letTimePass()
        let time = wallTime
        return account.deliveries.take(at: time).compactMap { delivery in
            guard let event = account.events[delivery.event],
                let endpoint = account.endpoints[delivery.endpoint]
            else {
                account.deliveries.settle(delivery.number, status: 204, at: time)
                return nil
            }
            return WebhookParcel(
                number: delivery.number, type: delivery.type,
                url: endpoint.url.hasPrefix("/") ? front + endpoint.url : endpoint.url,
                secrets: endpoint.secrets, body: event.description(in: account).bytes)
        }
    }

    /// What is due by now happens before anything else is done.
    private func letTimePass() {
        let time = wallTime
        guard time > looked else { return }
        account.advanceWall(to: time)
        looked = time
    }

    func settle(_ number: Int, status: Int) {
        account.deliveries.settle(number, status: status, at: wallTime)
    }
}
