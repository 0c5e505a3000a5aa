/// An event as Stripe sends it, in the shape of whatever version the endpoint has. Of its object only the ids
/// are read: what it says else was true when it was sent, and may not be any more.
struct StripeEvent: Decodable, Sendable {
    struct Content: Decodable, Sendable { var object: Object }

    struct Object: Decodable, Sendable {
        var id: String?
        var customer: StripeReference<StripeCustomer>?
        /// Of a Checkout Session.
        var clientReferenceID: String?
        var metadata: [String: String]?

        enum CodingKeys: String, CodingKey {
            case id, customer, metadata
            case clientReferenceID = "client_reference_id"
        }
    }

    var id: String
    var type: String
    /// Unix seconds.
    var created: Int
    var livemode: Bool
    var data: Content
}
