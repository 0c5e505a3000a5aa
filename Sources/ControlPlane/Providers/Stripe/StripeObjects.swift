/// Of Stripe's objects, what the platform reads. Times are Unix seconds, amounts in the smallest unit.
/// Source: Stripe API reference, version `StripeClient.version`.
package struct StripeList<Element: Decodable & Sendable>: Decodable, Sendable {
    package var data: [Element]
    package var hasMore: Bool

    enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
    }
}

/// An id, or the object itself where the call asked for it to be expanded.
package struct StripeReference<Object: Decodable & Sendable>: Decodable, Sendable {
    package var id: String
    package var object: Object?

    private struct Identified: Decodable { var id: String }

    package init(from decoder: any Decoder) throws {
        if let id = try? decoder.singleValueContainer().decode(String.self) {
            self.id = id
        } else {
            id = try Identified(from: decoder).id
            object = try Object(from: decoder)
        }
    }
}

package struct StripeCustomer: Decodable, Sendable {
    package var id: String
    package var created: Int?
    package var metadata: [String: String]?
    package var deleted: Bool?
}

package struct StripePrice: Decodable, Sendable {
    package var id: String
    package var lookupKey: String?

    enum CodingKeys: String, CodingKey {
        case id
        case lookupKey = "lookup_key"
    }
}

package struct StripeSubscription: Decodable, Sendable {
    package struct Item: Decodable, Sendable {
        package var id: String
        package var price: StripePrice
        var currentPeriodStart: Int?
        package var currentPeriodEnd: Int?

        package init(
            id: String, price: StripePrice, currentPeriodStart: Int? = nil, currentPeriodEnd: Int? = nil
        ) {
            self.id = id
            self.price = price
            self.currentPeriodStart = currentPeriodStart
            self.currentPeriodEnd = currentPeriodEnd
        }

        enum CodingKeys: String, CodingKey {
            case id, price
            case currentPeriodStart = "current_period_start"
            case currentPeriodEnd = "current_period_end"
        }
    }

    package var id: String
    package var customer: StripeReference<StripeCustomer>
    /// `incomplete`, `incomplete_expired`, `trialing`, `active`, `past_due`, `canceled`, `unpaid`, `paused`.
    package var status: String
    package var created: Int
    package var cancelAtPeriodEnd: Bool
    /// When it is to end; nil while it goes on.
    package var cancelAt: Int?
    package var endedAt: Int?
    package var items: StripeList<Item>
    package var metadata: [String: String]?
    var latestInvoice: StripeReference<StripeInvoice>?

    enum CodingKeys: String, CodingKey {
        case id, customer, status, created, items, metadata
        case cancelAtPeriodEnd = "cancel_at_period_end"
        case cancelAt = "cancel_at"
        case endedAt = "ended_at"
        case latestInvoice = "latest_invoice"
    }
}

package struct StripeInvoice: Decodable, Sendable {
    package var id: String
    package var number: String?
    /// `draft`, `open`, `paid`, `uncollectible`, `void`.
    package var status: String?
    package var currency: String
    package var total: Int
    package var amountPaid: Int
    package var created: Int

    enum CodingKeys: String, CodingKey {
        case id, number, status, currency, total, created
        case amountPaid = "amount_paid"
    }
}

package struct StripeCheckoutSession: Decodable, Sendable {
    package var id: String
    /// `open`, `complete`, `expired`.
    package var status: String?
    /// Where the customer pays; nil once it is over.
    package var url: String?
    package var expiresAt: Int

    enum CodingKeys: String, CodingKey {
        case id, status, url
        case expiresAt = "expires_at"
    }
}

package struct StripePortalSession: Decodable, Sendable {
    package var id: String
    package var url: String
}
