import Arithmetic

/// Source: Stripe API, "The Product object".
struct StripeProduct: StripeObject {
    static let kind = "product"

    let id: String
    let created: Int
    var name: String
    var about: String?
    var isActive = true
    var metadata: [String: String] = [:]

    func description(in account: StripeAccount) -> JSONValue {
        [
            "id": .string(id), "object": "product", "active": .bool(isActive), "created": .integer(created),
            "default_price": nil, "description": .text(about), "images": [], "livemode": false,
            "marketing_features": [], "metadata": .texts(metadata), "name": .string(name),
            "package_dimensions": nil, "shippable": nil, "statement_descriptor": nil, "tax_code": nil,
            "type": "service", "unit_label": nil, "updated": .integer(created), "url": nil,
        ]
    }
}

/// How often a price is due.
struct StripeInterval: Sendable, Equatable {
    enum Unit: String, Sendable { case day, week, month, year }

    var unit: Unit
    var count: Int
}

/// A price by the unit, once or at each interval. Source: Stripe API, "The Price object".
struct StripePrice: StripeObject {
    static let kind = "price"

    enum Rounding: String, Sendable { case up, down }

    /// Eight digits. Source: Stripe, "Supported currencies", minimum and maximum charge amounts.
    static let maximumUnitAmount = 99_999_999

    let id: String
    let created: Int
    let product: String
    let currency: String
    let unitAmount: Int
    /// nil: due once.
    let interval: StripeInterval?
    /// What counts the units; nil: the quantity of the subscription.
    let meter: String?
    /// Units that are paid together.
    var unitsTogether = 1
    var rounding = Rounding.up
    var lookupKey: String?
    var nickname: String?
    var isActive = true
    var metadata: [String: String] = [:]

    /// What a quantity costs.
    func amount(_ quantity: Int) -> Int {
        let (whole, rest) = quantity.quotientAndRemainder(dividingBy: unitsTogether)
        let packs = rounding == .up && rest > 0 ? whole + 1 : whole
        return unitAmount *| packs
    }

    func description(in account: StripeAccount) -> JSONValue {
        let recurring: JSONValue? = interval.map {
            [
                "interval": .string($0.unit.rawValue), "interval_count": .integer($0.count),
                "meter": .text(meter), "trial_period_days": nil,
                "usage_type": meter == nil ? "licensed" : "metered",
            ]
        }
        let together: JSONValue =
            unitsTogether == 1
            ? nil : ["divide_by": .integer(unitsTogether), "round": .string(rounding.rawValue)]
        return [
            "id": .string(id), "object": "price", "active": .bool(isActive), "billing_scheme": "per_unit",
            "created": .integer(created), "currency": .string(currency), "custom_unit_amount": nil,
            "livemode": false, "lookup_key": .text(lookupKey), "metadata": .texts(metadata),
            "nickname": .text(nickname), "product": .string(product), "recurring": recurring ?? nil,
            "tax_behavior": "unspecified", "tiers_mode": nil, "transform_quantity": together,
            "type": interval == nil ? "one_time" : "recurring", "unit_amount": .integer(unitAmount),
            "unit_amount_decimal": .string(String(unitAmount)),
        ]
    }
}

extension StripeAccount {
    mutating func createProduct(_ form: StripeParameters) throws -> StripeProduct {
        try form.only("id", "name", "description", "metadata", "active")
        let id = try form.text("id") ?? Self.newID("prod")
        guard products[id] == nil else {
            throw StripeError.invalid("id", "Product already exists.", code: "resource_already_exists")
        }
        let product = StripeProduct(
            id: id, created: wallTime, name: try form.required("name"), about: try form.text("description"),
            isActive: try form.flag("active") ?? true, metadata: try form.metadata())
        save(product, \.products, "product.created")
        return product
    }

    mutating func createPrice(_ form: StripeParameters) throws -> StripePrice {
        try form.only(
            "currency", "product", "product_data", "unit_amount", "recurring", "lookup_key", "nickname",
            "metadata", "active", "transform_quantity", "billing_scheme", "transfer_lookup_key")
        _ = try form.choice("billing_scheme", "per_unit")
        guard let amount = try form.integer("unit_amount") else { throw StripeError.missing("unit_amount") }
        guard (0...StripePrice.maximumUnitAmount).contains(amount) else {
            throw StripeError.invalid(
                "unit_amount", "Invalid integer: 0 to \(StripePrice.maximumUnitAmount)")
        }
        let currency = try form.required("currency").lowercased()
        guard currency.utf8.count == 3 else {
            throw StripeError.invalid("currency", "Invalid currency: \(currency)")
        }
        let (interval, meter) = try recurrence(form.nested("recurring"))
        var price = StripePrice(
            id: Self.newID("price"), created: wallTime, product: try product(form), currency: currency,
            unitAmount: amount, interval: interval, meter: meter,
            lookupKey: try form.text("lookup_key"), nickname: try form.text("nickname"),
            isActive: try form.flag("active") ?? true, metadata: try form.metadata())
        if let together = try form.nested("transform_quantity") {
            try together.only("divide_by", "round")
            price.unitsTogether = try together.integer("divide_by") ?? 0
            price.rounding = .init(rawValue: try together.choice("round", "up", "down") ?? "") ?? .up
            guard price.unitsTogether > 0 else { throw StripeError.missing(together.name("divide_by")) }
        }
        if let key = price.lookupKey { try release(key, form.flag("transfer_lookup_key") ?? false) }
        save(price, \.prices, "price.created")
        return price
    }

    private mutating func release(_ lookupKey: String, _ isTransfer: Bool) throws {
        guard var holder = prices.all.first(where: { $0.lookupKey == lookupKey }) else { return }
        guard isTransfer else {
            throw StripeError.invalid(
                "lookup_key", "A price (`\(holder.id)`) already uses that lookup key.")
        }
        holder.lookupKey = nil
        save(holder, \.prices, "price.updated")
    }

    private func recurrence(_ form: StripeParameters?) throws -> (StripeInterval?, meter: String?) {
        guard let form else { return (nil, nil) }
        try form.only("interval", "interval_count", "usage_type", "meter")
        guard let unit = StripeInterval.Unit(rawValue: try form.required("interval")) else {
            throw StripeError.invalid(form.name("interval"), "Invalid interval: day, week, month or year")
        }
        let count = try form.integer("interval_count") ?? 1
        guard (1...36).contains(count) else {
            throw StripeError.invalid(form.name("interval_count"), "Invalid interval count")
        }
        let isMetered = try form.choice("usage_type", "licensed", "metered") == "metered"
        let meter = isMetered ? try form.required("meter") : nil
        if let meter { _ = try meters.find(meter, param: form.name("meter")) }
        return (StripeInterval(unit: unit, count: count), meter)
    }

    private mutating func product(_ form: StripeParameters) throws -> String {
        guard let data = try form.nested("product_data") else {
            return try products.find(form.required("product"), param: "product").id
        }
        try data.only("name", "metadata")
        let product = StripeProduct(
            id: Self.newID("prod"), created: wallTime, name: try data.required("name"),
            metadata: try data.metadata())
        save(product, \.products, "product.created")
        return product.id
    }
}
