/// An event as Stripe sends it, in the shape of whatever version the endpoint has. Of its object only the ids
/// are read: what it says else was true when it was sent, and may not be any more.
package struct StripeEvent: Decodable, Sendable {
    package struct Content: Decodable, Sendable { package var object: Object }

    package struct Object: Decodable, Sendable {
        package var id: String?
        package var customer: StripeReference<StripeCustomer>?
        /// Of a Checkout Session.
        package var clientReferenceID: String?
        package var metadata: [String: String]?

        package init(
            id: String? = nil, customer: StripeReference<StripeCustomer>? = nil,
            clientReferenceID: String? = nil, metadata: [String: String]? = nil
        ) {
            self.id = id
            self.customer = customer
            self.clientReferenceID = clientReferenceID
            self.metadata = metadata
        }

        enum CodingKeys: String, CodingKey {
            case id, customer, metadata
            case clientReferenceID = "client_reference_id"
        }
    }

    package var id: String
    package var type: String
    /// Unix seconds.
    package var created: Int
    package var livemode: Bool
    package var data: Content
}
