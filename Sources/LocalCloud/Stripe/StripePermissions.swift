#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a restricted key may do, by the kind of object. Source: Stripe, "Restricted API keys".
struct StripePermissions: Codable, Sendable, Equatable {
    enum Access: String, Codable, Sendable, Comparable {
        case read, write

        static func < (left: Self, right: Self) -> Bool { left == .read && right == .write }
    }

    /// Writing a kind of object allows to read it.
    var permissions: [String: Access]

    struct Unreadable: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is not a list of a restricted key's permissions" }
    }

    init(permissions: [String: Access]) { self.permissions = permissions }

    init(file path: String) throws {
        guard let data = FileManager.default.contents(atPath: path),
            let read = try? JSONDecoder().decode(Self.self, from: data)
        else { throw Unreadable(path: path) }
        self = read
    }

    func allow(_ need: Need) -> Bool { permissions[need.resource].map { $0 >= need.access } ?? false }

    /// What one call needs.
    struct Need: Sendable, Hashable {
        let resource: String
        let access: Access
    }
}

extension StripeRoute.Operation {
    var need: StripePermissions.Need {
        switch self {
        case .showCustomer, .listCustomers: .init(resource: "customers", access: .read)
        case .createCustomer, .updateCustomer, .deleteCustomer: .init(resource: "customers", access: .write)
        case .showProduct, .listProducts: .init(resource: "products", access: .read)
        case .createProduct: .init(resource: "products", access: .write)
        case .showPrice, .listPrices: .init(resource: "prices", access: .read)
        case .createPrice: .init(resource: "prices", access: .write)
        case .showCheckoutSession, .listCheckoutSessions, .listLineItems:
            .init(resource: "checkout_sessions", access: .read)
        case .createCheckoutSession, .expireCheckoutSession:
            .init(resource: "checkout_sessions", access: .write)
        case .showSubscription, .listSubscriptions: .init(resource: "subscriptions", access: .read)
        case .createSubscription, .updateSubscription, .cancelSubscription:
            .init(resource: "subscriptions", access: .write)
        case .showInvoice, .listInvoices: .init(resource: "invoices", access: .read)
        case .payInvoice, .finalizeInvoice, .voidInvoice, .markInvoiceUncollectible:
            .init(resource: "invoices", access: .write)
        case .createPortalSession: .init(resource: "customer_portal", access: .write)
        case .showMeter, .listMeters, .listMeterEventSummaries:
            .init(resource: "billing_meters", access: .read)
        case .createMeter: .init(resource: "billing_meters", access: .write)
        case .createMeterEvent: .init(resource: "billing_meter_events", access: .write)
        case .showEvent, .listEvents: .init(resource: "events", access: .read)
        case .showWebhookEndpoint, .listWebhookEndpoints: .init(resource: "webhook_endpoints", access: .read)
        case .createWebhookEndpoint, .updateWebhookEndpoint, .deleteWebhookEndpoint:
            .init(resource: "webhook_endpoints", access: .write)
        case .showTestClock, .listTestClocks: .init(resource: "test_clocks", access: .read)
        case .createTestClock, .advanceTestClock, .deleteTestClock:
            .init(resource: "test_clocks", access: .write)
        }
    }
}

/// Who may call: the account's own key may everything, the restricted one what its permissions say.
struct StripeKeys: Sendable {
    var accountKey: String
    var restrictedKey: String
    /// nil: the restricted key may everything too.
    var permissions: StripePermissions?

    /// With the key as a bearer or as the user of Basic. Source: Stripe API, "Authentication".
    func admit(_ call: HTTPCall, _ route: StripeRoute) throws {
        guard let key = Self.presented(call) else {
            throw StripeError(
                status: 401,
                message: "You did not provide an API key. You need to provide your API key in the "
                    + "Authorization header, using Bearer auth."
            )
        }
        if key == accountKey { return }
        guard key == restrictedKey else {
            throw StripeError(status: 401, message: "Invalid API Key provided: \(Self.masked(key))")
        }
        let need = route.operation.need
        guard permissions?.allow(need) ?? true else {
            throw StripeError(
                status: 403,
                message: "The provided key '\(Self.masked(key))' does not have the required permissions for "
                    + "this endpoint. Having '\(need.resource)' with '\(need.access.rawValue)' access would "
                    + "allow this request to continue.")
        }
    }

    func isRestricted(_ call: HTTPCall) -> Bool { Self.presented(call) != accountKey }

    private static func masked(_ key: String) -> String { "\(key.prefix(8))***\(key.suffix(4))" }

    private static func presented(_ call: HTTPCall) -> String? {
        guard let header = call.header("authorization") else { return nil }
        if header.hasPrefix("Bearer ") { return String(header.dropFirst("Bearer ".count)) }
        guard header.hasPrefix("Basic "),
            let pair = Data(base64Encoded: String(header.dropFirst("Basic ".count)))
        else { return nil }
        return String(decoding: pair, as: UTF8.self).split(separator: ":").first.map(String.init)
    }
}
