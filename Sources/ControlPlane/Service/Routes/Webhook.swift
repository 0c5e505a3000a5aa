import AdminProtocol
import Billing
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Postgres
import Providers

/// `POST /cp/webhooks/stripe`: the signature over the raw body is the credential.
///
/// An event only orders a look at Stripe, in the commit that keeps its id; it is answered then, and the look
/// comes after.
struct WebhookRoute: Sendable {
    let platform: Platform
    let secrets: [String]

    static let path = "/cp/webhooks/stripe"
    static let maximumBytes = 1 << 20

    private struct Receipt: Encodable {
        var received = true
        /// Of an event that came before.
        var repeated: Bool
    }

    func receive(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = Array(try await request.body.collect(upTo: Self.maximumBytes).readableBytesView)
        try verify(body, request, context)
        guard let event = try? JSONDecoder().decode(StripeEvent.self, from: Data(body)),
            (1...255).contains(event.id.utf8.count), event.type.utf8.count <= 255
        else { throw AppError(.invalid, "invalid_body", "The body is not an event of Stripe's.") }
        let isNew = try await platform.database.transaction { transaction in
            try await BillingEvents(billing: platform.billing, transaction: transaction).receive(event)
        }
        return try Response.json(Receipt(repeated: !isNew))
    }

    /// - Throws: `unauthenticated` (401): who is wrong learns no more, the log does.
    private func verify(_ body: [UInt8], _ request: Request, _ context: AppContext) throws {
        do {
            guard let header = request.headers[.stripeSignature] else {
                throw StripeSignature.Refusal.malformed
            }
            try StripeSignature(header: header).verify(
                body, secrets: secrets, now: Int(Date().timeIntervalSince1970))
        } catch let refusal as StripeSignature.Refusal {
            context.logger.warning("webhook refused", metadata: ["signature": "\(refusal.rawValue)"])
            throw AppError.unauthenticated
        }
    }
}

extension HTTPField.Name {
    static let stripeSignature = HTTPField.Name("Stripe-Signature")!
}
