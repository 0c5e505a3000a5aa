/// A page of a list. Source: Stripe API, "Pagination".
struct StripePage: Sendable {
    static let defaultLimit = 10
    static let maximumLimit = 100

    /// Parameters that every list knows.
    static let parameters = ["limit", "starting_after", "ending_before", "created"]

    private let limit: Int
    private let after: String?
    private let before: String?
    private let created: CreatedRange

    init(_ form: StripeParameters) throws {
        limit = try form.integer("limit") ?? Self.defaultLimit
        guard (1...Self.maximumLimit).contains(limit) else {
            throw StripeError.invalid(
                "limit", "This value must be from 1 to \(Self.maximumLimit).",
                code: "parameter_invalid_integer")
        }
        after = try form.text("starting_after")
        before = try form.text("ending_before")
        guard after == nil || before == nil else {
            throw StripeError.invalid("ending_before", "Pass starting_after or ending_before, not both.")
        }
        created = try CreatedRange(form)
    }

    /// - Parameter rows: newest first.
    func list<Row: StripeObject>(_ rows: [Row], _ account: StripeAccount, url: String) throws -> JSONValue {
        let rows = rows.filter { created.holds($0.created) }
        let (page, hasMore) = try cut(rows) { $0.id }
        return Self.envelope(page.map { $0.description(in: account) }, hasMore, url)
    }

    /// The same for what is no object of the account's own.
    func list(_ rows: [JSONValue], url: String) throws -> JSONValue {
        let (page, hasMore) = try cut(rows) { $0["id"]?.string ?? "" }
        return Self.envelope(page, hasMore, url)
    }

    private func cut<Row>(_ rows: [Row], _ id: (Row) -> String) throws -> ([Row], Bool) {
        func index(_ cursor: String, _ param: String) throws -> Int {
            guard let index = rows.firstIndex(where: { id($0) == cursor }) else {
                throw StripeError.noSuch("object", cursor, param: param)
            }
            return index
        }
        if let before {
            let rest = rows[..<(try index(before, "ending_before"))]
            return (Array(rest.suffix(limit)), rest.count > limit)
        }
        let first = try after.map { try index($0, "starting_after") + 1 } ?? 0
        let rest = rows[first...]
        return (Array(rest.prefix(limit)), rest.count > limit)
    }

    private static func envelope(_ data: [JSONValue], _ hasMore: Bool, _ url: String) -> JSONValue {
        ["object": "list", "data": .array(data), "has_more": .bool(hasMore), "url": .string(url)]
    }
}

/// `created=...` or `created[gte]=...`.
private struct CreatedRange: Sendable {
    private var least = Int.min
    private var most = Int.max

    init(_ form: StripeParameters) throws {
        guard form.has("created") else { return }
        guard let range = try? form.nested("created") else {
            let time = try form.integer("created")
            (least, most) = (time ?? .min, time ?? .max)
            return
        }
        try range.only("gt", "gte", "lt", "lte")
        least = max(try range.integer("gte") ?? .min, try range.integer("gt").map { $0 + 1 } ?? .min)
        most = min(try range.integer("lte") ?? .max, try range.integer("lt").map { $0 - 1 } ?? .max)
    }

    func holds(_ time: Int) -> Bool { least <= time && time <= most }
}

/// Ids in an answer replaced by what they name. Source: Stripe API, "Expanding responses".
extension StripeAccount {
    static let maximumExpansionDepth = 4

    func expanded(_ value: JSONValue, _ form: StripeParameters) throws -> JSONValue {
        try form.texts("expand").reduce(value) { value, path in
            let steps = path.split(separator: ".").map(String.init)
            guard steps.count <= Self.maximumExpansionDepth + (steps.first == "data" ? 1 : 0) else {
                throw StripeError.invalid("expand", "You cannot expand more than 4 levels of a property.")
            }
            return try expand(value, steps[...], path)
        }
    }

    private func expand(_ value: JSONValue, _ steps: ArraySlice<String>, _ path: String) throws -> JSONValue {
        guard let step = steps.first else { return value }
        if case .array(let list) = value { return .array(try list.map { try expand($0, steps, path) }) }
        guard case .object(var members) = value else { return value }
        if step == "line_items", let id = members["id"]?.string, let session = sessions[id] {
            members["line_items"] = [
                "object": "list", "has_more": false, "data": .array(session.lineItems(in: self)),
                "url": .string("/v1/checkout/sessions/\(id)/line_items"),
            ]
            return .object(members)
        }
        guard let member = members[step] else {
            throw StripeError.invalid("expand", "This property cannot be expanded (\(path)).")
        }
        let whole = member.string.map { named($0) } ?? member
        guard let whole else {
            throw StripeError.invalid("expand", "This property cannot be expanded (\(path)).")
        }
        members[step] = try expand(whole, steps.dropFirst(), path)
        return .object(members)
    }

    /// The object that an id names.
    private func named(_ id: String) -> JSONValue? {
        customers[id]?.description(in: self) ?? products[id]?.description(in: self)
            ?? subscriptions[id]?.description(in: self) ?? invoices[id]?.description(in: self)
            ?? prices[id]?.description(in: self) ?? clocks[id]?.description(in: self)
    }
}
