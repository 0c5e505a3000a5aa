import Arithmetic

/// What usage is counted by. Source: Stripe API, "The Meter object".
struct StripeMeter: StripeObject {
    static let kind = "billing meter"
    static let defaultCustomerKey = "stripe_customer_id"
    static let defaultValueKey = "value"

    enum Formula: String, Sendable { case sum, count, last }

    let id: String
    let created: Int
    let eventName: String
    var displayName: String
    let formula: Formula
    /// Members of an event's payload.
    let customerKey: String
    let valueKey: String

    func description(in account: StripeAccount) -> JSONValue {
        [
            "id": .string(id), "object": "billing.meter", "created": .integer(created),
            "customer_mapping": ["event_payload_key": .string(customerKey), "type": "by_id"],
            "default_aggregation": ["formula": .string(formula.rawValue)],
            "display_name": .string(displayName), "event_name": .string(eventName), "event_time_window": nil,
            "livemode": false, "status": "active", "status_transitions": ["deactivated_at": nil],
            "updated": .integer(created), "value_settings": ["event_payload_key": .string(valueKey)],
        ]
    }
}

/// One report of usage.
struct MeterEvent: Sendable {
    let identifier: String
    let meter: String
    /// As the payload names it; nobody's usage when there is no such customer.
    let customer: String
    let value: Int
    let timestamp: Int
    let created: Int
    let visibleAt: ContinuousClock.Instant
}

/// Every report so far, by customer, since nothing is asked of all of them.
struct MeterEvents: Sendable {
    /// An identifier is refused for this long. Source: "at least 24 hours".
    static let uniqueSeconds = 24 * 3600
    static let oldestSeconds = 35 * 86_400
    static let aheadSeconds = 300

    private var byCustomer: [String: [MeterEvent]] = [:]
    /// By when they came, on the wall.
    private var identifiers: [String: Int] = [:]
    private(set) var count = 0

    mutating func add(_ event: MeterEvent, at wallTime: Int) throws {
        if let since = identifiers[event.identifier], wallTime - since < Self.uniqueSeconds {
            throw StripeError(
                message: "An event already exists with identifier \(event.identifier).",
                headers: [("Stripe-Should-Retry", "false")])
        }
        identifiers[event.identifier] = wallTime
        byCustomer[event.customer, default: []].append(event)
        count += 1
        guard count.isMultiple(of: 10_000) else { return }
        identifiers = identifiers.filter { wallTime - $0.value < Self.uniqueSeconds }
    }

    func of(_ customer: String, _ meter: String, _ period: StripePeriod) -> [MeterEvent] {
        (byCustomer[customer] ?? []).filter {
            $0.meter == meter && (period.start..<period.end).contains($0.timestamp)
        }
    }
}

extension StripeMeter.Formula {
    func aggregate(_ events: [MeterEvent]) -> Int {
        switch self {
        case .sum: events.map(\.value).saturatedSum
        case .count: events.count
        case .last: events.max { $0.timestamp < $1.timestamp }?.value ?? 0
        }
    }
}

extension StripeAccount {
    mutating func createMeter(_ form: StripeParameters) throws -> StripeMeter {
        try form.only(
            "display_name", "event_name", "default_aggregation", "customer_mapping", "value_settings")
        guard let aggregation = try form.nested("default_aggregation") else {
            throw StripeError.missing("default_aggregation")
        }
        let formula = try aggregation.choice("formula", "sum", "count", "last")
        let name = try form.required("event_name")
        guard !meters.all.contains(where: { $0.eventName == name }) else {
            throw StripeError.invalid("event_name", "There is already a meter with event name \(name).")
        }
        let mapping = try form.nested("customer_mapping")
        _ = try mapping?.choice("type", "by_id")
        let meter = StripeMeter(
            id: Self.newID("mtr"), created: wallTime, eventName: name,
            displayName: try form.required("display_name"),
            formula: formula.flatMap { .init(rawValue: $0) } ?? .sum,
            customerKey: try mapping?.text("event_payload_key") ?? StripeMeter.defaultCustomerKey,
            valueKey: try form.nested("value_settings")?.text("event_payload_key")
                ?? StripeMeter.defaultValueKey)
        save(meter, \.meters, "billing.meter.created")
        return meter
    }

    mutating func createMeterEvent(_ form: StripeParameters) throws -> JSONValue {
        try form.only("event_name", "payload", "identifier", "timestamp")
        let name = try form.required("event_name")
        guard let meter = meters.all.first(where: { $0.eventName == name }) else {
            throw StripeError.invalid(
                "event_name", "No active meter found for event name \(name).", code: "resource_missing")
        }
        guard let payload = try form.nested("payload") else { throw StripeError.missing("payload") }
        let customer = try payload.required(meter.customerKey)
        guard let value = try meter.formula == .count ? 1 : payload.integer(meter.valueKey) else {
            throw StripeError.missing(payload.name(meter.valueKey))
        }
        let time = now(customers[customer]?.testClock)
        let timestamp = try form.integer("timestamp") ?? time
        guard (time - MeterEvents.oldestSeconds...time + MeterEvents.aheadSeconds).contains(timestamp) else {
            throw StripeError.invalid(
                "timestamp",
                "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future.",
                code: timestamp < time ? "timestamp_too_far_in_past" : "timestamp_in_future")
        }
        let identifier = try form.text("identifier") ?? ResourceID.uuid()
        guard identifier.count <= 100 else {
            throw StripeError.invalid("identifier", "Invalid string: at most 100 characters")
        }
        try meterEvents.add(
            MeterEvent(
                identifier: identifier, meter: meter.id, customer: customer, value: value,
                timestamp: timestamp, created: time, visibleAt: Visibility.instant()), at: wallTime)
        return [
            "object": "billing.meter_event", "created": .integer(time), "event_name": .string(name),
            "identifier": .string(identifier), "livemode": false, "timestamp": .integer(timestamp),
            "payload": [
                meter.customerKey: .string(customer), meter.valueKey: .string(String(value)),
            ],
        ]
    }

    /// What a period's invoice counts.
    func usage(_ meter: String, _ customer: String, _ period: StripePeriod) -> Int {
        let events = meterEvents.of(customer, meter, period)
        return max(0, meters[meter]?.formula.aggregate(events) ?? 0)
    }

    /// Newest first. Source: Stripe API, "List billing meter event summaries". What came only just may
    /// not be in it, as there.
    func meterEventSummaries(_ id: String, _ form: StripeParameters) throws -> [JSONValue] {
        try form.only(
            "customer", "start_time", "end_time", "value_grouping_window", "limit", "starting_after",
            "ending_before")
        let meter = try meters.find(id)
        let customer = try form.required("customer")
        guard let start = try form.integer("start_time") else { throw StripeError.missing("start_time") }
        guard let end = try form.integer("end_time") else { throw StripeError.missing("end_time") }
        let window: Int? =
            switch try form.choice("value_grouping_window", "hour", "day") {
            case "hour": 3600
            case "day": 86_400
            default: nil
            }
        guard start < end else { throw StripeError.invalid("end_time", "end_time must be after start_time") }
        guard start.isMultiple(of: window ?? 60), end.isMultiple(of: window ?? 60) else {
            throw StripeError.invalid(
                "start_time", "start_time and end_time must be aligned with \(window ?? 60) second boundaries"
            )
        }
        let events = meterEvents.of(customer, id, .init(start, end)).filter(\.visibleAt.isPast)
        let groups = Dictionary(grouping: events) { event in
            window.map { event.timestamp - event.timestamp % $0 } ?? start
        }
        return groups.sorted { $0.key > $1.key }.map { from, events in
            [
                "id": .string("mtrusg_\(from)_\(customer.suffix(12))"),
                "object": "billing.meter_event_summary", "livemode": false, "meter": .string(id),
                "aggregated_value": .integer(meter.formula.aggregate(events)),
                "start_time": .integer(from), "end_time": .integer(window.map { from + $0 } ?? end),
            ]
        }
    }
}
