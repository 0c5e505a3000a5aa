/// Of Stripe's objects, what the platform reads. Times are Unix seconds, amounts in the smallest unit.
/// Source: Stripe API reference, version `StripeClient.version`.
struct StripeList<Element: Decodable & Sendable>: Decodable, Sendable {
    var data: [Element]
    var hasMore: Bool

    enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
    }
}

/// An id, or the object itself where the call asked for it to be expanded.
struct StripeReference<Object: Decodable & Sendable>: Decodable, Sendable {
    var id: String
    var object: Object?

    private struct Identified: Decodable { var id: String }

    init(from decoder: any Decoder) throws {
        if let id = try? decoder.singleValueContainer().decode(String.self) {
            self.id = id
        } else {
            id = try Identified(from: decoder).id
            object = try Object(from: decoder)
        }
    }
}

struct StripeCustomer: Decodable, Sendable {
    var id: String
    var created: Int?
    var metadata: [String: String]?
    var deleted: Bool?
}

struct StripePrice: Decodable, Sendable {
    var id: String
    var lookupKey: String?

    enum CodingKeys: String, CodingKey {
        case id
        case lookupKey = "lookup_key"
    }
}

struct StripeSubscription: Decodable, Sendable {
    struct Item: Decodable, Sendable {
        var id: String
        var price: StripePrice
        var currentPeriodStart: Int?
        var currentPeriodEnd: Int?

        enum CodingKeys: String, CodingKey {
            case id, price
            case currentPeriodStart = "current_period_start"
            case currentPeriodEnd = "current_period_end"
        }
    }

    var id: String
    var customer: StripeReference<StripeCustomer>
    /// `incomplete`, `incomplete_expired`, `trialing`, `active`, `past_due`, `canceled`, `unpaid`, `paused`.
    var status: String
    var created: Int
    var cancelAtPeriodEnd: Bool
    /// When it is to end; nil while it goes on.
    var cancelAt: Int?
    var endedAt: Int?
    var items: StripeList<Item>
    var metadata: [String: String]?
    var latestInvoice: StripeReference<StripeInvoice>?

    enum CodingKeys: String, CodingKey {
        case id, customer, status, created, items, metadata
        case cancelAtPeriodEnd = "cancel_at_period_end"
        case cancelAt = "cancel_at"
        case endedAt = "ended_at"
        case latestInvoice = "latest_invoice"
    }
}

struct StripeInvoice: Decodable, Sendable {
    var id: String
    var number: String?
    /// `draft`, `open`, `paid`, `uncollectible`, `void`.
    var status: String?
    var currency: String
    var total: Int
    var amountPaid: Int
    var created: Int

    enum CodingKeys: String, CodingKey {
        case id, number, status, currency, total, created
        case amountPaid = "amount_paid"
    }
}

struct StripeCheckoutSession: Decodable, Sendable {
    var id: String
    /// `open`, `complete`, `expired`.
    var status: String?
    /// Where the customer pays; nil once it is over.
    var url: String?
    var expiresAt: Int

    enum CodingKeys: String, CodingKey {
        case id, status, url
        case expiresAt = "expires_at"
    }
}

struct StripePortalSession: Decodable, Sendable {
    var id: String
    var url: String
}
