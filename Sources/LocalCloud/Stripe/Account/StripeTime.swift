/// A clock that is set by hand. Source: Stripe API, "Test Clocks".
struct StripeTestClock: StripeObject {
    static let kind = "test clock"
    static let lifetimeSeconds = 30 * 86_400
    static let times = 0...32_503_680_000
    /// All that is due until then happens in one call.
    static let longestAdvance = 10 * 366 * 86_400

    let id: String
    let created: Int
    let name: String?
    var frozenTime: Int
    var isAdvancing = false

    func description(in account: StripeAccount) -> JSONValue {
        [
            "id": .string(id), "object": "test_helpers.test_clock", "created": .integer(created),
            "deletes_after": .integer(created + Self.lifetimeSeconds), "frozen_time": .integer(frozenTime),
            "livemode": false, "name": .text(name), "status": isAdvancing ? "advancing" : "ready",
            "status_details": isAdvancing ? ["advancing": ["target_frozen_time": .integer(frozenTime)]] : [:],
        ]
    }
}

extension StripeAccount {
    mutating func createTestClock(_ form: StripeParameters) throws -> StripeTestClock {
        try form.only("frozen_time", "name")
        guard let time = try form.integer("frozen_time") else { throw StripeError.missing("frozen_time") }
        guard StripeTestClock.times.contains(time) else {
            throw StripeError.invalid("frozen_time", "frozen_time is a time of the years 1970 to 2999")
        }
        let clock = StripeTestClock(
            id: Self.newID("clock"), created: wallTime, name: try form.text("name"), frozenTime: time)
        save(clock, \.clocks, "test_helpers.test_clock.created")
        return clock
    }

    /// Everything that is due until then happens, each at its own time.
    /// - Returns: the clock as it is answered: still advancing. It is ready when it is asked for again.
    mutating func advanceTestClock(_ id: String, to time: Int) throws -> JSONValue {
        var clock = try clocks.find(id)
        guard time > clock.frozenTime else {
            throw StripeError.invalid("frozen_time", "frozen_time must be after the clock's present time")
        }
        guard time - clock.frozenTime <= StripeTestClock.longestAdvance else {
            throw StripeError.invalid("frozen_time", "frozen_time is at most ten years ahead")
        }
        clock.isAdvancing = true
        save(clock, \.clocks, "test_helpers.test_clock.advancing")
        var answer = clock.description(in: self).object ?? [:]
        answer["status_details"] = ["advancing": ["target_frozen_time": .integer(time)]]
        while let due = nextDue(clock: id, until: time) {
            clocks.set(id, frozenTime: max(due.at, clocks[id]?.frozenTime ?? 0))
            perform(due)
        }
        clock.frozenTime = time
        clock.isAdvancing = false
        save(clock, \.clocks, "test_helpers.test_clock.ready")
        return .object(answer)
    }

    /// Takes the customers on it along. Source: Stripe API, "Delete a test clock".
    mutating func deleteTestClock(_ id: String) throws -> JSONValue {
        _ = try clocks.find(id)
        let gone = Set(customers.all.filter { $0.testClock == id }.map(\.id))
        subscriptions.removeAll { gone.contains($0.customer) }
        invoices.removeAll { gone.contains($0.customer) }
        customers.removeAll { gone.contains($0.id) }
        clocks.removeAll { $0.id == id }
        return ["id": .string(id), "object": "test_helpers.test_clock", "deleted": true]
    }

    /// The same for what is on no test clock.
    mutating func advanceWall(to time: Int) {
        while let due = nextDue(clock: nil, until: time) {
            wallTime = max(due.at, wallTime)
            perform(due)
        }
        wallTime = max(time, wallTime)
        events.removeAll { $0.recorded < time - StripeEvent.keptSeconds }
    }

    // MARK: What is due

    struct Due {
        enum Kind { case finalize, charge, renew, end, expire, resume, expireSession }

        var at: Int
        var kind: Kind
        var id: String
    }

    func nextDue(clock: String?, until time: Int) -> Due? {
        let bills = invoices.all.lazy.filter { $0.clock(in: self) == clock }.flatMap(Self.due)
        let plans = subscriptions.all.lazy.filter { $0.clock(in: self) == clock }.flatMap(Self.due)
        let carts = sessions.all.lazy.filter { $0.status == "open" && $0.clock(in: self) == clock }
            .map { Due(at: $0.expiresAt, kind: .expireSession, id: $0.id) }
        return (Array(bills) + Array(plans) + Array(carts)).filter { $0.at <= time }.min { $0.at < $1.at }
    }

    private static func due(_ invoice: StripeInvoice) -> [Due] {
        switch invoice.status {
        case "draft": invoice.finalizesAt.map { [Due(at: $0, kind: .finalize, id: invoice.id)] } ?? []
        case "open": invoice.nextAttempt.map { [Due(at: $0, kind: .charge, id: invoice.id)] } ?? []
        default: []
        }
    }

    private static func due(_ subscription: StripeSubscription) -> [Due] {
        let id = subscription.id
        switch subscription.status {
        case "incomplete":
            return [
                Due(at: subscription.created + StripeSubscription.incompleteSeconds, kind: .expire, id: id)
            ]
        case "active", "past_due", "unpaid":
            let resumption = subscription.resumesAt.map { [Due(at: $0, kind: .resume, id: id)] } ?? []
            if let at = subscription.cancelAt, at <= subscription.period.end {
                return resumption + [Due(at: at, kind: .end, id: id)]
            }
            return resumption + [Due(at: subscription.period.end, kind: .renew, id: id)]
        default: return []
        }
    }

    private mutating func perform(_ due: Due) {
        switch due.kind {
        case .finalize:
            finalize(due.id)
            _ = collect(due.id)
        case .charge: _ = collect(due.id)
        case .renew: renew(due.id)
        case .end: end(due.id, at: due.at, billsUsage: true)
        case .expire: expire(due.id, at: due.at)
        case .resume: resume(due.id)
        case .expireSession: expireSession(due.id)
        }
    }

    /// The next period begins, with an invoice over it and over the last one's usage.
    private mutating func renew(_ id: String) {
        guard var subscription = subscriptions[id] else { return }
        let ended = subscription.period
        subscription.period = subscription.interval.period(from: ended.end, anchor: subscription.anchor)
        let lines =
            usageLines(subscription, ended) + advanceLines(subscription, subscription.period)
            + (pendingLines.removeValue(forKey: id) ?? [])
        var invoice = draft(subscription, lines, reason: "subscription_cycle", period: ended)
        subscription.latestInvoice = invoice.id
        save(subscription, \.subscriptions, "customer.subscription.updated")
        guard subscription.status != "unpaid", subscription.pausedInvoices != .keepAsDraft else { return }
        guard let paused = subscription.pausedInvoices else {
            invoice.finalizesAt = ended.end + StripeInvoice.draftSeconds
            save(invoice, \.invoices, nil)
            return
        }
        finalize(invoice.id)
        _ = try? closeInvoice(invoice.id, as: paused == .void ? "void" : "uncollectible")
    }

    private mutating func resume(_ id: String) {
        guard var subscription = subscriptions[id] else { return }
        (subscription.pausedInvoices, subscription.resumesAt) = (nil, nil)
        save(subscription, \.subscriptions, "customer.subscription.updated")
    }

    /// The first invoice was not paid in time.
    private mutating func expire(_ id: String, at time: Int) {
        guard var subscription = subscriptions[id] else { return }
        if let invoice = subscription.latestInvoice { _ = try? closeInvoice(invoice, as: "void") }
        subscription.status = "incomplete_expired"
        subscription.endedAt = time
        save(subscription, \.subscriptions, "customer.subscription.updated")
    }
}

extension StripeTable where Row == StripeTestClock {
    fileprivate mutating func set(_ id: String, frozenTime: Int) {
        guard var clock = self[id] else { return }
        clock.frozenTime = frozenTime
        put(clock)
    }
}
