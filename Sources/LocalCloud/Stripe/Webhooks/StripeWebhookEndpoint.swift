/// Where events are sent. Source: Stripe API, "The Webhook Endpoint object".
struct StripeWebhookEndpoint: StripeObject {
    static let kind = "webhook endpoint"

    let id: String
    let created: Int
    /// A path alone: at the platform front.
    var url: String
    /// Types of events, or `*`.
    var types: [String]
    /// Newest first: what is sent is signed with each. Several while a secret is rolled.
    var secrets: [String]
    var isEnabled = true
    var about: String?
    var metadata: [String: String] = [:]

    func takes(_ type: String) -> Bool { isEnabled && (types.contains("*") || types.contains(type)) }

    /// The secret is told once, by the call that makes the endpoint.
    func description(in account: StripeAccount) -> JSONValue {
        [
            "id": .string(id), "object": "webhook_endpoint", "api_version": .string(StripeAccount.apiVersion),
            "application": nil, "created": .integer(created), "description": .text(about),
            "enabled_events": .array(types.map { .string($0) }), "livemode": false,
            "metadata": .texts(metadata), "status": isEnabled ? "enabled" : "disabled", "url": .string(url),
        ]
    }
}

extension StripeAccount {
    mutating func createWebhookEndpoint(_ form: StripeParameters) throws -> JSONValue {
        try form.only("url", "enabled_events", "description", "metadata", "api_version")
        let types = try form.texts("enabled_events")
        guard !types.isEmpty else { throw StripeError.missing("enabled_events") }
        let version = try form.text("api_version") ?? Self.apiVersion
        guard version == Self.apiVersion else {
            throw StripeError.invalid("api_version", "The local cloud sends \(Self.apiVersion) only.")
        }
        let endpoint = StripeWebhookEndpoint(
            id: Self.newID("we"), created: wallTime, url: try Self.target(form.required("url")), types: types,
            secrets: ["whsec_\(ResourceID.hexadecimal(48))"], about: try form.text("description"),
            metadata: try form.metadata())
        save(endpoint, \.endpoints, nil)
        var members = endpoint.description(in: self).object ?? [:]
        members["secret"] = .string(endpoint.secrets[0])
        return .object(members)
    }

    mutating func updateWebhookEndpoint(_ id: String, _ form: StripeParameters) throws
        -> StripeWebhookEndpoint
    {
        try form.only("url", "enabled_events", "description", "metadata", "disabled")
        var endpoint = try endpoints.find(id)
        if let url = try form.text("url") { endpoint.url = try Self.target(url) }
        if form.has("enabled_events") { endpoint.types = try form.texts("enabled_events") }
        if form.has("description") { endpoint.about = try form.text("description") }
        if let disabled = try form.flag("disabled") { endpoint.isEnabled = !disabled }
        endpoint.metadata = try form.metadata(over: endpoint.metadata)
        save(endpoint, \.endpoints, nil)
        return endpoint
    }

    mutating func deleteWebhookEndpoint(_ id: String) throws -> JSONValue {
        _ = try endpoints.find(id)
        endpoints.removeAll { $0.id == id }
        return ["id": .string(id), "object": "webhook_endpoint", "deleted": true]
    }

    private static func target(_ url: String) throws -> String {
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw StripeError.invalid(
                "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
        }
        return url
    }
}
