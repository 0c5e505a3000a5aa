/// Everything that one Stripe account holds, and how it changes. A value: a call that fails half-way leaves
/// the account as it was. Times are seconds since 1970, amounts are in the currency's smallest unit.
struct StripeAccount: Sendable {
    /// The version whose shapes are served; that of the official packages of this time.
    static let apiVersion = "2026-10-28.endive"

    /// The time of everything that is on no test clock.
    var wallTime: Int
    /// Of the hosted pages: scheme, host, port.
    var url = ""
    /// By which call the account changes, as events say it; nil when time did it.
    var request: StripeRequest?
    var dunning = DunningSchedule()

    var customers = StripeTable<StripeCustomer>()
    var products = StripeTable<StripeProduct>()
    var prices = StripeTable<StripePrice>()
    var sessions = StripeTable<StripeCheckoutSession>()
    var portals = StripeTable<StripePortalSession>()
    var subscriptions = StripeTable<StripeSubscription>()
    var invoices = StripeTable<StripeInvoice>()
    /// Of each subscription, what the next invoice will have besides.
    var pendingLines: [String: [StripeInvoiceLine]] = [:]
    var meters = StripeTable<StripeMeter>()
    var meterEvents = MeterEvents()
    var clocks = StripeTable<StripeTestClock>()
    var events = StripeTable<StripeEvent>()
    var endpoints = StripeTable<StripeWebhookEndpoint>()
    var deliveries = WebhookDeliveries()

    init(wallTime: Int) { self.wallTime = wallTime }

    /// What time it is for a customer that is on a test clock, or on none.
    func now(_ clock: String?) -> Int { clock.flatMap { clocks[$0]?.frozenTime } ?? wallTime }

    static func newID(_ prefix: String) -> String { "\(prefix)_\(ResourceID.hexadecimal(24))" }
}

/// What an event says of the call that caused it.
struct StripeRequest: Sendable {
    var id: String
    var idempotencyKey: String?
}

protocol StripeObject: Sendable {
    /// As errors name it.
    static var kind: String { get }
    var id: String { get }
    var created: Int { get }
    /// The test clock that the object lives on.
    func clock(in account: StripeAccount) -> String?
    func description(in account: StripeAccount) -> JSONValue
}

extension StripeObject {
    func clock(in account: StripeAccount) -> String? { nil }
}

/// The objects of one kind, in the order of their creation.
struct StripeTable<Row: StripeObject>: Sendable {
    private var rows: [String: Row] = [:]
    private var order: [String] = []

    subscript(id: String) -> Row? { rows[id] }

    var all: [Row] { order.compactMap { rows[$0] } }
    var newestFirst: [Row] { order.reversed().compactMap { rows[$0] } }
    var count: Int { order.count }

    mutating func put(_ row: Row) {
        if rows.updateValue(row, forKey: row.id) == nil { order.append(row.id) }
    }

    mutating func removeAll(where isGone: (Row) -> Bool) {
        for row in all where isGone(row) { rows[row.id] = nil }
        order.removeAll { rows[$0] == nil }
    }

    /// - Parameter param: what names the object; nil for the path.
    func find(_ id: String, param: String? = nil) throws -> Row {
        guard let row = rows[id] else { throw StripeError.noSuch(Row.kind, id, param: param) }
        return row
    }
}

extension StripeAccount {
    /// Keeps the object, and tells of it when something about it is new.
    /// - Parameter event: nil for what no event tells of.
    mutating func save<Row: StripeObject>(
        _ row: Row, _ table: WritableKeyPath<StripeAccount, StripeTable<Row>>, _ event: String?
    ) {
        let before = self[keyPath: table][row.id]?.description(in: self)
        self[keyPath: table].put(row)
        guard let event else { return }
        let after = row.description(in: self)
        let previous = before.map { Self.changes(from: $0, to: after) }
        if event.hasSuffix(".updated"), previous == [:] { return }
        record(event, after, previous: event.hasSuffix(".updated") ? previous : nil, row.clock(in: self))
    }

    /// The members that are other now, with what they were.
    private static func changes(from before: JSONValue, to after: JSONValue) -> JSONValue {
        let (old, new) = (before.object ?? [:], after.object ?? [:])
        return .object(old.filter { new[$0.key] != $0.value })
    }

    mutating func record(_ type: String, _ object: JSONValue, previous: JSONValue? = nil, _ clock: String?) {
        let event = StripeEvent(
            id: Self.newID("evt"), created: now(clock), recorded: wallTime, type: type, object: object,
            previous: previous, request: request)
        events.put(event)
        deliveries.add(event, to: endpoints.all.filter { $0.takes(type) }, at: wallTime)
    }
}

/// What happened, as it is listed and sent. Source: Stripe API, "The Event object".
struct StripeEvent: StripeObject {
    static let kind = "event"
    /// Stripe gives events out for 30 days.
    static let keptSeconds = 30 * 86_400

    let id: String
    /// On the clock of the object.
    let created: Int
    /// On the wall.
    let recorded: Int
    let type: String
    let object: JSONValue
    let previous: JSONValue?
    let request: StripeRequest?

    func description(in account: StripeAccount) -> JSONValue {
        var data: [String: JSONValue] = ["object": object]
        data["previous_attributes"] = previous
        return [
            "id": .string(id), "object": "event", "api_version": .string(StripeAccount.apiVersion),
            "created": .integer(created), "type": .string(type), "data": .object(data), "livemode": false,
            "pending_webhooks": .integer(account.deliveries.pending(id)),
            "request": [
                "id": request.map { .string($0.id) } ?? nil,
                "idempotency_key": request?.idempotencyKey.map { .string($0) } ?? nil,
            ],
        ]
    }
}
